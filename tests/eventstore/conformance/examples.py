"""Events with text and with a past, those that nobody can read, and what is counted of counters."""

import json
from typing import Any
from uuid import UUID, uuid4

from eventstore import store
from eventstore.cache import StateCache
from eventstore.events import Event, StreamKey, event_type, upcaster
from eventstore.models import Snapshot
from eventstore.rehydrating import Decide
from eventstore.store import NewEvent
from tests.eventstore.conformance.sessions import another_session
from tests.eventstore.examples import NOON, Counter, counted

APPEND = """
SELECT outcome FROM eventstore_append(%s, %s, %s, %s::smallint, NULL, %s::json, false, '{}')
"""


@event_type("test.noted")
class Noted(Event, frozen=True):
    text: str


@event_type("test.weighed", version=3)
class Weighed(Event, frozen=True):
    by: int
    unit: str


@upcaster("test.weighed", from_version=1)
def _grams(data: dict[str, Any]) -> dict[str, Any]:
    return {"by": (data.get("kilograms") or 0) * 1000}


@upcaster("test.weighed", from_version=2)
def _unit(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "unit": "g"}


def noted(text: str) -> NewEvent:
    return NewEvent(event=Noted(text=text), occurred_at=NOON)


def append_as_stored(
    key: StreamKey, kind: str, data: object, *, schema: int = 1, event_id: UUID | None = None
) -> None:
    """Append what this code may not be able to read, as other code did before or will."""
    event = {
        "id": str(event_id or uuid4()),
        "type": kind,
        "schema": schema,
        "data": data,
        "at": NOON.isoformat(),
    }
    partition = store.partition_of(key.tenant_id)
    with another_session() as other:
        row = other.execute(
            APPEND, [key.tenant_id, key.stream_id, key.type, partition, json.dumps([event])]
        ).fetchone()
    assert row == ("appended",)


def identified(count: int) -> list[NewEvent]:
    """Make events that a repeat would be known by."""
    return [counted(event_id=uuid4()) for _ in range(count)]


def count(by: int = 1, times: int = 1, event_id: UUID | None = None) -> Decide[Counter]:
    """Return a decision to count, in so many events."""
    return lambda counter: [counted(by, event_id=event_id) for _ in range(times)]


def entry(states: StateCache, key: StreamKey) -> Any:  # an Entry, or None
    """Return what the cache has of a counter."""
    return states.get(key, state_version=Counter.state_version)


def saved(key: StreamKey) -> list[int]:
    """Return the version of a stream's snapshot, where it has one."""
    return list(Snapshot.objects.filter(stream_id=key.stream_id).values_list("version", flat=True))
