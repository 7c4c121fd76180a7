"""Cursors of psycopg on Django's connection, where Django's own are too slow.

Django puts values into the text of a statement, so that the server plans each one anew, and reads
rows as text, with every timestamp parsed in Python. Here the server prepares statements, for the
store has few that run often, and sends rows in its binary format. All else is as with Django's
cursors: errors are Django's, queries are logged, and ``execute_wrapper`` sees them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

_numbers = count()


class _Prepared(psycopg.Cursor[tuple[Any, ...]]):
    def execute(self, query: Any, params: Any = None, **_: Any) -> "_Prepared":
        prepare = settings.EVENTSTORE_PREPARED_STATEMENTS
        return super().execute(query, params, prepare=prepare, binary=True)


class _Streaming(psycopg.ServerCursor[tuple[Any, ...]]):
    def execute(self, query: Any, params: Any = None, **_: Any) -> "_Streaming":
        return super().execute(query, params, binary=True)


@contextmanager
def binary_cursor() -> Iterator[CursorWrapper]:
    """Open a cursor whose rows are binary. All of them arrive at once: let the query bound them."""
    with _Prepared(_psycopg()) as cursor:
        yield _watched(cursor)


@contextmanager
def streaming_cursor(*, chunk: int) -> Iterator[CursorWrapper]:
    """Open a cursor of the server, whose binary rows arrive ``chunk`` at a time.

    Outside a transaction the server has to keep the whole result (WITH HOLD), on its disk where it
    is large.
    """
    hold = connection.get_autocommit()
    name = f"eventstore_{next(_numbers)}"
    with _Streaming(_psycopg(), name, scrollable=False, withhold=hold) as cursor:
        cursor.itersize = chunk
        yield _watched(cursor)


def _psycopg() -> "psycopg.Connection[tuple[Any, ...]]":
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw: psycopg.Connection[tuple[Any, ...]] = connection.connection
    return raw


def _watched(cursor: Any) -> CursorWrapper:
    connection.validate_thread_sharing()
    log = connection.queries_logged
    return connection.make_debug_cursor(cursor) if log else connection.make_cursor(cursor)
