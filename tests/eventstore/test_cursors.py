"""Binary cursors behave as Django's do: their errors, their log, their part in a transaction."""

from datetime import UTC, datetime

import pytest
from django.db import ProgrammingError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from eventstore.cursors import binary_cursor, kept_cursor, own_transaction

pytestmark = pytest.mark.django_db(transaction=True)


def test_rows_are_as_django_reads_them():
    moment = datetime(2026, 11, 1, 12, 30, 15, 250, tzinfo=UTC)
    with binary_cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz, %s::text, 7::bigint", [moment, "Zoë"])
        [row] = cursor.fetchall()
    assert row == (moment, "Zoë", 7)
    assert row[0].utcoffset() == moment.utcoffset()


def test_errors_are_those_of_django():
    with pytest.raises(ProgrammingError, match="nowhere"), binary_cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")


def test_queries_are_logged():
    with CaptureQueriesContext(connection) as log, binary_cursor() as cursor:
        cursor.execute("SELECT %s::int", [7])
    assert [one["sql"] for one in log] == ["SELECT $1::int"]


class TestAKeptCursor:
    def test_is_the_same_one_for_the_same_statement(self):
        first = kept_cursor(connections["default"], "SELECT 1")
        assert kept_cursor(connections["default"], "SELECT 1") is first
        assert kept_cursor(connections["default"], "SELECT 2") is not first

    def test_is_of_the_connection_as_it_is_now(self):
        before = kept_cursor(connections["default"], "SELECT 1")
        connection.close()
        after = kept_cursor(connections["default"], "SELECT 1")
        assert after is not before
        assert after.execute("SELECT 1").fetchall() == [(1,)]

    def test_is_not_used_where_queries_are_logged(self):
        kept_cursor(connections["default"], "SELECT 1")
        with CaptureQueriesContext(connection) as log:
            kept_cursor(connections["default"], "SELECT 1").execute("SELECT 1")
        assert [one["sql"] for one in log] == ["SELECT 1"]


def test_they_see_the_transaction_around_them():
    with transaction.atomic():
        connection.cursor().execute("CREATE TEMPORARY TABLE mine ON COMMIT DROP AS SELECT 7 AS n")
        with binary_cursor() as cursor:
            cursor.execute("SELECT n FROM mine")
            assert cursor.fetchall() == [(7,)]


def test_one_statement_needs_no_other_to_be_a_transaction(django_assert_num_queries):
    with django_assert_num_queries(1), own_transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with transaction.atomic(), pytest.raises(RuntimeError), own_transaction():
        pytest.fail("It is in a transaction.")
