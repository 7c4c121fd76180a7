"""Cursors of psycopg on Django's connection, where Django's own are too slow for many rows.

Django reads rows as text and parses every timestamp in Python. These read PostgreSQL's binary
format, and are wrapped as Django's are: errors are Django's, queries are logged, and
``execute_wrapper`` sees them. Values are bound by the server, so a statement holds one command.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

_numbers = count()  # several cursors may be open in one connection


@contextmanager
def binary_cursor() -> Iterator[CursorWrapper]:
    """Open a cursor whose rows are binary. All of them arrive at once: let the query bound them."""
    with closing(_wrapped(psycopg.Cursor(_psycopg()))) as cursor:
        yield cursor


@contextmanager
def server_cursor() -> Iterator[CursorWrapper]:
    """Open a cursor that stays on the server, for rows by the portion, which are binary.

    Outside a transaction it is WITH HOLD: the server keeps a copy of what is still to be read.
    """
    hold = connection.get_autocommit()
    name = f"eventstore_{next(_numbers)}"
    raw = psycopg.ServerCursor(_psycopg(), name, scrollable=False, withhold=hold)
    with closing(_wrapped(raw)) as cursor:
        yield cursor


@contextmanager
def own_transaction() -> Iterator[None]:
    """Let the one statement of a block be a transaction of its own, which it is without BEGIN.

    Raises RuntimeError inside a transaction.
    """
    if connection.get_autocommit():
        yield
    else:
        with transaction.atomic(durable=True):
            yield


def _psycopg() -> "psycopg.Connection[Any]":
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    return raw


def _wrapped(cursor: Any) -> CursorWrapper:
    connection.validate_thread_sharing()
    cursor.format = Format.BINARY
    log = connection.queries_logged
    return connection.make_debug_cursor(cursor) if log else connection.make_cursor(cursor)
