"""Statements that add up usage: within each, an event counts by one definition at most. Pure."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from billing.metering import hours_sql
from billing.metering.hours_sql import Counted

DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 5)]


@st.composite
def definitions(draw):
    """Definitions as they are in the database: those of a service follow each other in time."""
    counted = []
    for number in range(draw(st.integers(1, 4))):
        starts = sorted(draw(st.sets(st.sampled_from(DAYS), min_size=1)))
        for at, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
            for event_type in draw(st.sets(st.sampled_from(["a", "b"]))):
                counted.append(of(event_type, start, end, definition=10 * number + at))
    return counted


def of(event_type, starts_at, ends_at, *, definition):
    return Counted(
        *(f"service-{definition}", definition, event_type, starts_at, ends_at, ["n"]),
        *(False, False, False, None),
    )


def counting(values, event_type, at):
    """Return the numbers of the conditions of a statement that an event meets."""
    numbers = (name.removeprefix("type_") for name in values if name.startswith("type_"))
    return [
        number
        for number in numbers
        if values[f"type_{number}"] == event_type
        and values[f"starts_{number}"] <= at
        and (values[f"ends_{number}"] is None or at < values[f"ends_{number}"])
    ]


@given(definitions(), st.sampled_from(["a", "b"]), st.sampled_from(DAYS))
def test_an_event_counts_once_in_a_statement_and_in_all_by_each_definition(some, event_type, at):
    found = [
        counting(values, event_type, at)
        for _, values in hours_sql.statements(some, "events", quarters=[])
    ]
    assert all(len(numbers) <= 1 for numbers in found)
    assert sum(map(len, found)) == sum(
        one.event_type == event_type
        and one.starts_at <= at
        and (one.ends_at is None or at < one.ends_at)
        for one in some
    )


def test_services_that_count_types_of_their_own_are_read_at_once():
    some = [of(event_type, DAYS[0], None, definition=ord(event_type)) for event_type in "abc"]
    assert len(list(hours_sql.statements(some, "events", quarters=[]))) == 1


def test_nothing_is_read_where_nothing_counts():
    assert list(hours_sql.statements([], "events", quarters=[])) == []
