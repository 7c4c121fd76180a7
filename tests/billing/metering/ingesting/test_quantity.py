"""What is read as a quantity: whatever is faster reads what the function before it read."""

import json
from collections.abc import Iterator
from importlib import import_module

import psycopg
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.folding.hours_sql import read_as

NOW = import_module("billing.migrations.0059_digits_of_ascii").QUANTITY
BEFORE = import_module("billing.migrations.0012_definitions_of_services").QUANTITY
AS_READ = {
    version: read_as(version, path="path", may_be_negative="may_be_negative")
    for version in (150000, 160000)
}
ALL = """
SELECT value, billing_quantity(value::jsonb, may_be_negative), {quantity} AS by_saga,
    quantity_before(value::jsonb, may_be_negative)
FROM (
    SELECT *, {number} AS number FROM (
        SELECT *, data #>> path AS written FROM (
            SELECT value, jsonb_build_object('n', value::jsonb) AS data, ARRAY['n'] AS path
            FROM unnest(%s::text[]) AS value
        ) AS given, unnest(ARRAY[true, false]) AS may_be_negative
    ) AS read
) AS read
"""

digits = st.text("0123456789", max_size=45)
numbers = st.tuples(
    st.sampled_from(["", "+", "-", "--", " "]),
    digits,
    st.sampled_from(["", ".", ".."]),
    digits,
    st.sampled_from(["", "e", "E", "e+", "e-", "\n"]),
    st.text("0123456789", max_size=3),
).map("".join)
values = st.one_of(
    numbers,
    st.text("0123456789+-.eE", max_size=6),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "inf", "0x1F", "1_0", "1e400", "1e-400"]),
    st.integers(),
    st.booleans(),
    st.lists(st.integers(), max_size=1),
    st.none(),
)


@pytest.mark.django_db
def test_the_same_values_are_quantities_as_ever():
    with connection.cursor() as cursor:
        cursor.execute(BEFORE.replace("billing_quantity", "quantity_before"))

        @settings(max_examples=40, deadline=None)
        @given(st.lists(values, min_size=20, max_size=60))
        def check(some):
            for as_read in AS_READ.values():
                cursor.execute(ALL.format(**as_read), [[json.dumps(value) for value in some]])
                for value, now, by_saga, before in cursor.fetchall():
                    assert now == by_saga == before, value

        check()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("0" * 39 + "7", 7),
        ("0" * 40 + "7", None),
        ("7." + "0" * 40, 7),
        ("7." + "0" * 41, None),
        ("-7", -7),
        ("7e1", 70),
    ],
)
def test_digits_are_bounded(value, read):
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_quantity(%s::jsonb, true)", [json.dumps(value)])
        assert cursor.fetchone() == (read,)


@pytest.fixture
def of_unicode(db: None) -> Iterator[psycopg.Cursor]:
    """A database to whose patterns any digit of Unicode is one, as to many that others make."""
    params, name = connection.get_connection_params(), f"{connection.settings_dict['NAME']}_unicode"
    with psycopg.connect(**params, autocommit=True) as server:
        if server.info.server_version < 180000:
            pytest.skip("NOT TESTED: before PostgreSQL 18 only ICU, if it is there, has such.")
        server.execute(f"DROP DATABASE IF EXISTS {name}")  # of a run that was killed
        server.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER builtin "
            "BUILTIN_LOCALE 'PG_UNICODE_FAST'"
        )
        with psycopg.connect(**{**params, "dbname": name}) as there:
            yield there.cursor()
        server.execute(f"DROP DATABASE {name}")


def test_digits_are_those_of_ascii_whatever_the_database_is_made_with(of_unicode):
    of_unicode.execute(NOW)
    for value, read in (("7", 7), ("٣", None), ("1.٣", None), ("1e๓", None)):
        of_unicode.execute("SELECT billing_quantity(%s::jsonb, true)", [json.dumps(value)])
        assert of_unicode.fetchone() == (read,)
