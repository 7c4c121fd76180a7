"""Empty the tables after a test that commits: in a millisecond, not in a fifth of a second.

Django truncates all tables, which gives files anew to each and to all its indexes, and then makes
content types and permissions again. Tests leave few rows: to delete those costs next to nothing in
a session that has planned it once. In that session triggers are off, for events refuse to be
deleted, and foreign keys want an order; the session of the tests would forget all that it has
planned whenever they are switched.

Nor is the tests' connection made anew, as Django does: each new session of PostgreSQL reads the
catalog of all tables and partitions again, which took half the time of a short test.
"""

import os
from functools import cache

import psycopg
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from billing.metering.models import Definition, Service
from tests.factories import make_services

LASTING = [  # as migrations made them
    Permission._meta.db_table,
    ContentType._meta.db_table,
    "django_migrations",
]
READY_MADE = [Service._meta.db_table, Definition._meta.db_table]  # rows of migrations, put back
MANY = 2000  # deleted rows after which a table gets new files, lest later tests read over them
MAY_DELETE = "SELECT has_parameter_privilege('session_replication_role', 'SET')"
NO_TRIGGERS = "session_replication_role=replica"
NAME = "emptying"  # of the session, for who counts those of others
PLACE = ("dbname", "user", "password", "host", "port")
TABLES = """
SELECT format('%%I', relname) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    AND NOT relispartition AND NOT relname = ANY(%s)
ORDER BY relname
"""
DELETE = """
DELETE FROM {0};
GET DIAGNOSTICS deleted = ROW_COUNT;
IF deleted > {1} THEN TRUNCATE {0} CASCADE; END IF; -- whoever refers to it is emptied, too
"""
EMPTY = """
CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql AS $$
DECLARE deleted bigint;
BEGIN {} END
$$
"""

truncate = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined] # of Django itself


class _Begun:
    """The connection that the test at hand began with."""

    connection: object = None


class _Own:
    """The session that empties tables, and where it is."""

    session: psycopg.Connection | None = None
    place: str = ""


def before_test() -> None:
    """Remember the connection: one that a test makes itself may have settings of that test."""
    _Begun.connection = connection.connection


def wants_new_connection(case: TransactionTestCase) -> bool:
    """Take the place of Django's ``_should_reload_connections``."""
    with_loop = "DJANGO_ALLOW_ASYNC_UNSAFE" in os.environ  # who comes after a loop cannot see ours
    return with_loop or connection.connection is not _Begun.connection


def after_test(case: TransactionTestCase) -> None:
    """Take the place of Django's ``_fixture_teardown``."""
    if connection.connection is not None and not _is_idle():
        connection.close()  # its session was killed, or is amid what keeps tables from others
    if _is_ours():
        empty()
    else:
        _let_truncate()
        truncate(case)
        make_services()


def empty() -> None:
    """Delete the rows of all tables, and put the ready-made services back."""
    place = _place()
    if _Own.place != place:
        leave()
    try:
        _empty_in(_Own.session or _begin(place))
    except psycopg.OperationalError:  # it was killed, or its server started again
        leave()
        _empty_in(_begin(place))


def leave() -> None:
    """End the session, so that nobody is in the database; who empties it next begins another."""
    if _Own.session is not None:
        _Own.session.close()
    _Own.session = None


def _is_idle() -> bool:
    status = connection.connection.info.transaction_status
    return status == TransactionStatus.IDLE and connection.is_usable()


@cache
def _is_ours() -> bool:
    """Whether the server lets us do what only its owner may."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_DELETE)
        (ours,) = cursor.fetchone()
    return bool(ours)


def _let_truncate() -> None:
    """Switch off, in this database for tests, what keeps events from being truncated."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'is_not_truncated'"
            " AND tgenabled <> 'D'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER is_not_truncated")


def _place() -> str:
    given = connection.get_connection_params()
    named = {name: given[name] for name in PLACE if name in given}
    return make_conninfo(application_name=NAME, options=f"-c {NO_TRIGGERS}", **named)


def _empty_in(session: psycopg.Connection) -> None:
    session.execute("SELECT pg_temp.empty()")


def _begin(place: str) -> psycopg.Connection:
    """Begin a session with a function that empties all tables but for ready-made rows."""
    session = psycopg.connect(place, autocommit=True)
    _Own.session, _Own.place = session, place
    copies = {table: f"pg_temp.ready_made_{table}" for table in READY_MADE}
    for table, copy in copies.items():
        session.execute(f"CREATE TABLE {copy} AS TABLE {table} WITH NO DATA")
    tables = [table for (table,) in session.execute(TABLES, [LASTING])]
    steps = [DELETE.format(table, MANY) for table in tables]
    steps += [f"INSERT INTO {table} SELECT * FROM {copy};" for table, copy in copies.items()]
    session.execute(EMPTY.format("".join(steps)))
    _empty_in(session)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {NO_TRIGGERS}")
        make_services()
    for table, copy in copies.items():
        session.execute(f"INSERT INTO {copy} SELECT * FROM {table}")
    return session
