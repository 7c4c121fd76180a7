"""Empty the tables after a test that commits: in a millisecond, not in a fifth of a second.

Django truncates all tables, which gives files anew to each and to all its indexes, and then makes
content types and permissions again. Tests leave few rows: to delete those costs next to nothing.
"""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

from tests.factories import make_services

LASTING = {Permission._meta.db_table, ContentType._meta.db_table}  # as migrations made them
MANY = 2000  # deleted rows after which files are made anew, lest later tests read over them
MAY_DELETE = "SELECT has_parameter_privilege('session_replication_role', 'SET')"

truncate = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined] # of Django itself


def after_test(case: TransactionTestCase) -> None:
    """Take the place of Django's ``_fixture_teardown``."""
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
    found = set(connection.introspection.django_table_names(include_views=False)) - LASTING
    tables = [f'"{table}"' for table in found]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(";".join(f"DELETE FROM {table}" for table in tables))
        deleted = cursor.rowcount
        while cursor.nextset():
            deleted += cursor.rowcount
    if deleted > MANY:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
    make_services()
