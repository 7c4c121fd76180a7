"""An aggregate with personal values, for the tests that seal and shred them."""

import asyncio
from contextlib import contextmanager
from typing import ClassVar

from eventstore import drivers, keyring, registry
from eventstore.aggregate import Aggregate
from eventstore.events import Event, StreamKey, event_type
from eventstore.snapshots import EveryEvents
from eventstore.store import Append, NewEvent
from tests.eventstore.examples import NOON, TENANT, stream


@event_type("test.arrived")
class Arrived(Event, frozen=True, kw_only=True):
    sealed: ClassVar = frozenset({"name", "email"})

    name: str
    email: str | None = None
    nights: int = 1


@event_type("test.left")
class Left(Event, frozen=True, kw_only=True):
    bill: str = "1.50"


@registry.aggregate
class Guest(Aggregate):
    stream_type: ClassVar = "guest"
    snapshot: ClassVar = EveryEvents(3)

    name: str = ""
    email: str | None = ""
    nights: int = 0

    def apply(self, event: Event) -> None:
        if isinstance(event, Arrived):
            self.name, self.email = event.name, event.email
            self.nights += event.nights


def guest(tenant_id=TENANT) -> StreamKey:
    return StreamKey(tenant_id, stream().stream_id, "guest")


def new(event, event_id=None) -> NewEvent:
    return NewEvent(event=event, occurred_at=NOON, event_id=event_id)


def arrival(key, name="Ada", email: str | None = "ada@example.org", event_id=None) -> Append:
    return Append(key=key, events=[new(Arrived(name=name, email=email, nights=2), event_id)])


@contextmanager
def before_it_was_sealed(monkeypatch):
    """Append as the code did that did not know of sealing yet."""
    with monkeypatch.context() as patch:
        patch.setattr(keyring, "sealed_tenants", lambda appends: set())
        yield


def awaited(make):
    """Run what a function makes in an event loop, and leave no connection behind."""

    async def run():
        try:
            return await make()
        finally:
            await drivers.aclose()

    return asyncio.run(run())
