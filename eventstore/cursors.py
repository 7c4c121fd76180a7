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
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

Cursor = CursorWrapper | psycopg.Cursor[tuple[Any, ...]] | psycopg.ServerCursor[tuple[Any, ...]]

_numbers = count()


@contextmanager
def binary_cursor() -> Iterator[Cursor]:
    """Open a cursor whose rows are binary. All of them arrive at once: let the query bound them."""
    db = connections[DEFAULT_DB_ALIAS]
    with db.wrap_database_errors, psycopg.Cursor(_psycopg(db)) as cursor:
        yield _watched(db, cursor)


@contextmanager
def streaming_cursor(*, chunk: int) -> Iterator[Cursor]:
    """Open a cursor of the server, whose binary rows arrive ``chunk`` at a time.

    Outside a transaction the server has to keep the whole result (WITH HOLD), on its disk where it
    is large.
    """
    db = connections[DEFAULT_DB_ALIAS]
    raw, hold = _psycopg(db), db.get_autocommit()
    name = f"eventstore_{next(_numbers)}"
    with (
        db.wrap_database_errors,
        psycopg.ServerCursor(raw, name, scrollable=False, withhold=hold) as cursor,
    ):
        cursor.itersize = chunk
        yield _watched(db, cursor)


def _psycopg(db: BaseDatabaseWrapper) -> "psycopg.Connection[tuple[Any, ...]]":
    db.close_if_health_check_failed()
    db.ensure_connection()
    raw: psycopg.Connection[tuple[Any, ...]] = db.connection
    return raw


def _watched(db: BaseDatabaseWrapper, cursor: Any) -> Any:
    db.validate_thread_sharing()
    db.validate_no_broken_transaction()
    cursor.format = Format.BINARY
    if db.queries_logged:
        return db.make_debug_cursor(cursor)
    # Where nobody watches, its wrapper would do nothing but take time.
    return db.make_cursor(cursor) if db.execute_wrappers else cursor
