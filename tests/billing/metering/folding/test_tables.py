"""Rows are written in one order, whatever order they come in: so no writers wait in a circle."""

from datetime import UTC, date, datetime
from itertools import product
from random import Random
from uuid import UUID

import pytest

from billing.metering.folding import tables
from billing.metering.folding.fold import Cell, Hour, Sums

OWNERS = [UUID(int=n) for n in range(3)]
SERVICES = {"storage": 1, "tokens": 2}
HOURS = [datetime(2026, 11, 1, hour, tzinfo=UTC) for hour in range(3)]
DAYS = [date(2026, 11, day) for day in (1, 2)]


def shuffled(places):
    return dict.fromkeys(Random(3).sample(places, len(places)), Sums(event_count=1))


@pytest.fixture
def written(monkeypatch):
    statements = []
    monkeypatch.setattr(tables, "_execute", lambda sql, rows: statements.append(rows))
    return statements


@pytest.mark.parametrize("write", [tables.add, tables.delete_empty])
def test_rows_of_each_table_are_written_in_their_order(written, write):
    hours = shuffled([Hour(*place) for place in product(OWNERS, SERVICES, HOURS, ("{}", "{1}"))])
    days = shuffled([Cell(*place) for place in product(OWNERS, SERVICES, DAYS)])
    write(hours, days, days, services=SERVICES, partition=0)
    assert [len(rows) for rows in written] == [36, 12, 4]
    for rows in written:
        assert rows == sorted(rows)
