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
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

Cursor = CursorWrapper | psycopg.Cursor[tuple[Any, ...]] | psycopg.ServerCursor[tuple[Any, ...]]

_Raw = psycopg.Connection[tuple[Any, ...]]
_Kept = tuple[_Raw, dict[str, psycopg.Cursor[tuple[Any, ...]]]]

_kept: WeakKeyDictionary[BaseDatabaseWrapper, _Kept] = WeakKeyDictionary()
_numbers = count()  # several cursors may be open in one connection


class _Logged(psycopg.Cursor[tuple[Any, ...]]):
    """Prepares nothing, for then psycopg keeps the statement, which is what Django logs."""

    def execute(self, query: Any, params: Any = None, **_: Any) -> "_Logged":
        return super().execute(query, params, prepare=False)


@contextmanager
def binary_cursor() -> Iterator[Cursor]:
    """Open a cursor whose rows are binary. All of them arrive at once: let the query bound them."""
    db = connections[DEFAULT_DB_ALIAS]
    with db.wrap_database_errors:
        yield plain_cursor(db)


def plain_cursor(db: BaseDatabaseWrapper) -> Cursor:
    """Make a cursor as of :func:`binary_cursor`; the caller translates errors.

    It holds nothing of the server, so nobody has to close it.
    """
    kind = _Logged if db.queries_logged else psycopg.Cursor
    cursor: Cursor = _watched(db, kind(_psycopg(db)))
    return cursor


def kept_cursor(db: BaseDatabaseWrapper, statement: str) -> Cursor:
    """Return the connection's cursor for a statement, to take all its rows before it is used again.

    For the few statements that run often. While its statement stays the same, a cursor of psycopg
    keeps what it found out about types: a sixth of the time of an append, measured.
    """
    raw = _psycopg(db)
    if db.queries_logged or db.execute_wrappers:
        return plain_cursor(db)
    kept, cursors = _kept.get(db) or (None, {})
    if kept is not raw:  # it has connected anew
        kept, cursors = _kept[db] = raw, {}
    cursor = cursors.get(statement)
    if cursor is None:
        cursor = cursors[statement] = psycopg.Cursor(raw)
        cursor.format = Format.BINARY
    _refuse_misuse(db)
    return cursor


@contextmanager
def server_cursor() -> Iterator[Cursor]:
    """Open a cursor that stays on the server, for rows by the portion, which are binary.

    Outside a transaction it is WITH HOLD: the server begins with a copy of all that is asked for.
    """
    db = connections[DEFAULT_DB_ALIAS]
    raw, hold = _psycopg(db), db.get_autocommit()
    name = f"eventstore_{next(_numbers)}"
    cursor = psycopg.ServerCursor(raw, name, scrollable=False, withhold=hold)
    with db.wrap_database_errors:
        try:
            with cursor:
                yield _watched(db, cursor)
        finally:
            cursor.close()  # again: where it finds the connection lost, psycopg leaves it open


def may_be_held() -> bool:
    """Say if a cursor can outlive a transaction: not where a pooler then lends out the session."""
    return not connections[DEFAULT_DB_ALIAS].settings_dict["DISABLE_SERVER_SIDE_CURSORS"]


@contextmanager
def own_transaction() -> Iterator[None]:
    """Let the one statement of a block be a transaction of its own, which it is without BEGIN.

    Raises RuntimeError inside a transaction.
    """
    if transaction.get_autocommit():
        yield
    else:
        with transaction.atomic(durable=True):
            yield


def _psycopg(db: BaseDatabaseWrapper) -> "psycopg.Connection[tuple[Any, ...]]":
    db.close_if_health_check_failed()
    if db.connection is None:
        db.ensure_connection()
    raw: psycopg.Connection[tuple[Any, ...]] = db.connection
    return raw


def _watched(db: BaseDatabaseWrapper, cursor: Any) -> Any:
    _refuse_misuse(db)
    cursor.format = Format.BINARY
    if db.queries_logged:
        return db.make_debug_cursor(cursor)
    # Where nobody watches, its wrapper would do nothing but take time.
    return db.make_cursor(cursor) if db.execute_wrappers else cursor


def _refuse_misuse(db: BaseDatabaseWrapper) -> None:
    db.validate_thread_sharing()
    db.validate_no_broken_transaction()
