"""Statements that add up usage: within each, an event counts by one definition at most. Pure."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from billing.metering.folding import hours_sql
from billing.metering.folding.hours_sql import Counted

DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 5)]


@st.composite
def definitions(draw):
    """Definitions as they are in the database: those of a service follow each other in time."""
    counted = []
    for number in range(1, draw(st.integers(1, 4)) + 1):  # no definition is numbered 0
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


def of_all(some):
    return hours_sql.statements(some, "events", quarters=[], server=160000)


SPAN = re.compile(r"starts_(\d+)\)s(?: AND event.occurred_at < %\(ends_\d+\)s)? THEN (\d+)")


def counting(statement, values, event_type, at):
    """Return the definitions by which a statement counts an event, if none stood before another."""
    return [
        int(definition)
        for number, definition in SPAN.findall(statement)
        if values[f"type_{number}"] == event_type
        and values[f"starts_{number}"] <= at
        and (values[f"ends_{number}"] is None or at < values[f"ends_{number}"])
        and int(definition) != hours_sql.ELSEWHERE
    ]


@given(definitions(), st.sampled_from(["a", "b"]), st.sampled_from(DAYS))
def test_an_event_counts_once_in_a_statement_and_in_all_by_each_definition(some, event_type, at):
    found = [counting(statement, values, event_type, at) for statement, values in of_all(some)]
    assert all(len(by) <= 1 for by in found)
    assert sorted(one for by in found for one in by) == sorted(
        one.definition
        for one in some
        if one.event_type == event_type
        and one.starts_at <= at
        and (one.ends_at is None or at < one.ends_at)
    )


@given(definitions(), st.sampled_from(["a", "b"]), st.sampled_from(DAYS))
def test_what_another_statement_counts_is_not_among_what_nobody_does(some, event_type, at):
    (first, values), *others = of_all(some)
    known = [
        number
        for number, _ in SPAN.findall(first)
        if values[f"type_{number}"] == event_type
        and values[f"starts_{number}"] <= at
        and (values[f"ends_{number}"] is None or at < values[f"ends_{number}"])
    ]
    counted = any(counting(sql, own, event_type, at) for sql, own in [(first, values), *others])
    assert bool(known) == counted


def test_services_that_count_types_of_their_own_are_read_at_once():
    some = [of(event_type, DAYS[0], None, definition=ord(event_type)) for event_type in "abc"]
    assert len(list(of_all(some))) == 1


def test_one_statement_is_there_where_nothing_counts_for_the_events_that_do_not():
    [(statement, values)] = of_all([])
    assert "ELSE NULL END)::bigint AS definition" in statement
    assert values == {"quarters": []}
