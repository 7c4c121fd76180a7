"""A small aggregate for the tests of the event store: a counter."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

from eventstore import registry
from eventstore.aggregate import Aggregate
from eventstore.events import Event, StreamKey, event_type
from eventstore.snapshots import EveryEvents, Policy
from eventstore.store import NewEvent

TENANT = UUID(int=0xC0FFEE)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@event_type("test.counted")
class Counted(Event, frozen=True):
    by: int


@registry.aggregate
class Counter(Aggregate):
    stream_type: ClassVar = "counter"
    snapshot: ClassVar[Policy] = EveryEvents(5)

    total: int = 0

    def apply(self, event: Counted) -> None:
        self.total += event.by

    def count(self, by: int) -> list[NewEvent]:
        if by <= 0:
            raise ValueError("Count up.")
        return [counted(by)]


def counted(by: int = 1, *, event_id: UUID | None = None) -> NewEvent:
    return NewEvent(event=Counted(by=by), occurred_at=NOON, event_id=event_id)


def stream(tenant_id: UUID = TENANT, stream_id: UUID | None = None) -> StreamKey:
    return StreamKey(tenant_id, stream_id or uuid4(), "counter")
