from datetime import UTC, datetime
from decimal import Decimal

import pytest

from eventstore import events, registry
from eventstore.events import (
    DuplicateEventType,
    Event,
    UnreadableEvent,
    UnusableName,
    event_type,
    upcaster,
)


@event_type("test.measured", version=3)
class Measured(Event, frozen=True):
    amount: Decimal
    at: datetime
    unit: str


@upcaster("test.measured", from_version=1)
def from_1(data):
    return {**data, "amount": str(data["grams"] / 1000)}


@upcaster("test.measured", from_version=2)
def from_2(data):
    return {**data, "unit": "kg"}


AT = datetime(2026, 11, 1, tzinfo=UTC)


def test_an_event_comes_back_as_it_went_with_exact_decimals():
    event = Measured(amount=Decimal("0.1000000000000000000001"), at=AT, unit="kg")
    name, version = events.type_of(event)
    assert events.decode(name=name, version=version, data=events.encode(event)) == event


@pytest.mark.scenario(51)
def test_upcasters_chain_to_the_newest_version():
    data = '{"grams": 1500, "at": "2026-11-01T00:00:00Z"}'
    event = events.decode(name="test.measured", version=1, data=data)
    assert event == Measured(amount=Decimal("1.5"), at=AT, unit="kg")


@pytest.mark.parametrize(
    ("name", "version", "data", "reason"),
    [
        ("test.nobody", 1, "{}", "No event class"),
        ("test.measured", 3, "{}", "missing required field"),
        ("test.measured", 4, "{}", "newer than this code"),
        ("test.measured", 0, "{}", "No upcaster"),
        (
            "test.measured",
            1,
            "{}",
            r"The upcaster of .* from version 1 on fails: KeyError\('grams'\)",
        ),
        ("test.measured", 1, "[]", "The upcaster of .* fails: TypeError"),
        ("test.measured", 3, '{"x": ' + "[" * 9000 + "]" * 9000 + "}", "recursion depth exceeded"),
        ("test.measured", 2, "[" * 9000 + "]" * 9000, "recursion depth exceeded"),
    ],
)
@pytest.mark.scenario(51)
def test_what_cannot_be_read_says_why(name, version, data, reason):
    with pytest.raises(UnreadableEvent, match=reason):
        events.decode(name=name, version=version, data=data)


def test_a_name_belongs_to_one_class():
    with pytest.raises(DuplicateEventType):

        @event_type("test.measured")
        class Other(Event, frozen=True):
            pass


@pytest.mark.parametrize("name", ["", "a" * 101, "a\0b", "two\nlines"])
def test_a_name_that_cannot_be_stored_is_refused_where_it_is_given(name):
    with pytest.raises(UnusableName, match="give it 1 to 100 characters"):
        event_type(name)
    with pytest.raises(UnusableName):
        registry.plain_streams(name)
