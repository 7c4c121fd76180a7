"""Empty the tables after a test that commits: in a millisecond, not in a fifth of a second.

Django truncates all tables, which gives files anew to each and to all its indexes, and then makes
content types and permissions again. Tests leave few rows: to delete those costs next to nothing.

Nor is the connection made anew, as Django does: each new session of PostgreSQL reads the catalog of
all tables and partitions again, which took half the time of a short test.
"""

import os
from functools import cache

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

from tests.factories import make_services

LASTING = {Permission._meta.db_table, ContentType._meta.db_table}  # as migrations made them
MANY = 2000  # deleted rows after which a table gets new files, lest later tests read over them
MAY_DELETE = "SELECT has_parameter_privilege('session_replication_role', 'SET')"

truncate = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined] # of Django itself


class _Begun:
    """The connection that the test at hand began with."""

    connection: object = None


def before_test() -> None:
    """Remember the connection: one that a test makes itself may have settings of that test."""
    _Begun.connection = connection.connection


def wants_new_connection(case: TransactionTestCase) -> bool:
    """Take the place of Django's ``_should_reload_connections``."""
    with_loop = "DJANGO_ALLOW_ASYNC_UNSAFE" in os.environ  # who comes after a loop cannot see ours
    return with_loop or connection.connection is not _Begun.connection


def after_test(case: TransactionTestCase) -> None:
    """Take the place of Django's ``_fixture_teardown``."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()  # its session was killed
    with connection.cursor() as cursor:
        cursor.execute(MAY_DELETE)
        (ours,) = cursor.fetchone()
    if ours:
        empty()
    else:  # a server that is not ours alone
        _let_truncate()
        truncate(case)
        make_services()


def _let_truncate() -> None:
    """Switch off, in this database for tests, what keeps events from being truncated."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'is_not_truncated'"
            " AND tgenabled <> 'D'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER is_not_truncated")


def empty() -> None:
    """Delete the rows of all models but the ready-made services.

    Triggers are off meanwhile: events refuse to be deleted, and foreign keys want an order.
    """
    tables = _tables(tuple(apps.app_configs))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(";".join(f"DELETE FROM {table}" for table in tables))
        deleted = [cursor.rowcount]
        while cursor.nextset():
            deleted.append(cursor.rowcount)
        if many := [table for table, rows in zip(tables, deleted, strict=True) if rows > MANY]:
            cursor.execute(f"TRUNCATE {', '.join(many)} CASCADE")  # who refers to them is empty
        make_services()  # here too: what came before them nobody has to look for


@cache
def _tables(installed: tuple[str, ...]) -> list[str]:
    """Return the tables of the apps that are installed: some tests leave others out."""
    found = set(connection.introspection.django_table_names(include_views=False)) - LASTING
    return [f'"{table}"' for table in found]
