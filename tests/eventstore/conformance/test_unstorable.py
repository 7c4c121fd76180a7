"""What cannot be stored, or not be read again, is refused in a sentence, and nothing is written."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from eventstore.events import Event, Metadata, event_type
from eventstore.steps import ERRORS
from eventstore.store import NewEvent, UnstorableEvent
from tests.eventstore.conformance.examples import noted
from tests.eventstore.conformance.sessions import heads
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import NOON, Counted, counted, stream

pytestmark = COMMITTING


@event_type("test.sent")
class Sent(Event, frozen=True):
    """What came from outside, as it came."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    value: Any = None


def sent(data: str = "null", value: object = None) -> NewEvent:
    return NewEvent(event=Sent(data=msgspec.Raw(data.encode()), value=value), occurred_at=NOON)


def at(time: datetime) -> NewEvent:
    return NewEvent(event=Counted(by=1), occurred_at=time)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


WEST, EAST = timezone(-timedelta(hours=9)), timezone(timedelta(hours=9))
UNSTORABLE = {
    "a NUL": (noted("a NUL: \0"), "unsupported Unicode escape sequence"),
    "a NUL as a name": (sent(value={"\0": 1}), "unsupported Unicode escape sequence"),
    "half a character": (noted("\ud800"), "surrogates not allowed"),
    "half an escaped one": (sent(r'"\ud800"'), "invalid input syntax for type json"),
    "a number too large": (sent("1e200000"), "value overflows numeric format"),
    "no JSON at all": (sent("{"), "invalid input syntax for type json"),
    "lists too deep": (sent("[" * 50_000 + "]" * 50_000), "stack depth limit exceeded"),
    "objects too deep": (sent(value=nested(100_000)), "recursion depth exceeded"),
    "no number": (sent(value=math.nan), "one of its floats is no finite number"),
    "an endless number": (sent(value={"a": [-math.inf, None]}), "no finite number"),
    "a time without a zone": (at(datetime(2026, 11, 1)), "has no time zone"),  # noqa: DTZ001
    "a time before the first": (at(datetime(1, 1, 1, tzinfo=EAST)), "no year from 1 to 9999"),
    "a time after the last": (at(datetime(9999, 12, 31, 23, tzinfo=WEST)), "no year from 1 to"),
}


@pytest.mark.scenario(14)
@pytest.mark.parametrize("what", UNSTORABLE)
def test_is_refused_alone_and_among_others_with_the_name_of_its_stream(store, what):
    event, reason = UNSTORABLE[what]
    new, old, other = sorted(stream() for _ in range(3))
    store.append(of(old, *ones(1)))
    for appends in (
        [of(new, event)],
        [of(old, event)],
        [of(old, counted(), event, counted())],
        [of(new, *ones(1)), of(old, *ones(1), event)],
    ):
        with pytest.raises(UnstorableEvent) as refused:
            store.append(*appends)
        assert str(appends[0].key.stream_id) in str(refused.value) or refused.value.keys == [old]
        assert reason in str(refused.value)
        assert str(refused.value).endswith(". Nothing was written.")
        assert isinstance(refused.value, ERRORS)  # for whoever catches what a database raises
    assert heads(new, old, other) == {old.stream_id: 1}
    assert store.append(of(new, *ones(1)), of(old, *ones(1))).new == 2


def test_of_who_caused_an_event_is_refused_as_well(store):
    key = stream()
    with pytest.raises(UnstorableEvent, match=f"counter {key.stream_id} was to get an event that"):
        store.append(of(key, *ones(1)), metadata=Metadata(actor="a NUL: \0"))
    assert heads(key) == {}


def test_in_a_command_leaves_neither_events_nor_state(store, states):
    key = stream()
    store.execute(key, lambda counter: counter.count(1))
    for how in (store.execute, store.execute_optimistically):
        with pytest.raises(UnstorableEvent):
            how(key, lambda counter: [*ones(1), noted("\0")])
    assert versions(store, key) == [1]
    assert store.load(key).state.total == 1


def test_but_what_only_looks_like_it_is_stored_and_comes_back(store):
    key = stream()
    texts = ["\\u0000", "null", "NaN", "\x01\x7f\ufffe", "𐍈", "'; DROP TABLE x; --", "%s %(a)s {}"]
    values = [None, [None, 0.5, {"null": -0.0}], nested(200), 10**4000, "x" * 100_000]
    store.append(of(key, *map(noted, texts), *(sent(value=value) for value in values)))
    events = [recorded.event for recorded in store.read(key)]
    assert [one.text for one in events[: len(texts)]] == texts
    assert [one.value for one in events[len(texts) :]] == values


def test_a_time_comes_back_as_the_same_moment_in_utc(store):
    key = stream()
    times = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 12, tzinfo=EAST),
        datetime.max.replace(tzinfo=UTC),
    ]
    store.append(of(key, at(times[0])))
    store.append(of(key, at(times[1])))
    store.append(of(key, at(times[2]), at(times[1])))
    found = [recorded.occurred_at for recorded in store.read(key)]
    assert found == [*times, times[1]]
    assert {one.utcoffset() for one in found} == {timedelta(0)}
