"""What is appended, by all sides: the same event, of the size that usage events have. Pure."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

from eventstore.aggregate import Aggregate
from eventstore.events import Event, StreamKey, encode, event_type

TENANTS = 50
PARTITIONS = int(os.environ.get("EVENTSTORE_PARTITIONS", "8"))
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@event_type("bench.metered")
class Metered(Event, frozen=True):
    metric: str
    quantity: int
    node: str


class Meter(Aggregate):
    stream_type: ClassVar = "meter"

    total: int = 0

    def apply(self, event: Metered) -> None:
        self.total += event.quantity


EVENT = Metered(metric="catacloud.execution.finished", quantity=1, node="worker-17.eu-central")
DATA = bytes(encode(EVENT)).decode()


def key_of(number: int) -> StreamKey:
    """Return the stream of a number, in the same way as fill.py in SQL."""
    return StreamKey(UUID(int=number % TENANTS), UUID(int=number), Meter.stream_type)


def new_key() -> StreamKey:
    return key_of(uuid4().int)


def partition_of(tenant_id: UUID) -> int:
    return tenant_id.int % PARTITIONS


def arrivals(*, events: int, streams: int) -> Iterator[tuple[StreamKey, UUID]]:
    """Usage as it arrives: stream after stream, and 1 % repeats the one before in its stream."""
    keys = [new_key() for _ in range(streams)]
    ids: list[UUID] = []
    for n in range(events):
        repeats = n % 100 == 99 and n >= streams
        ids.append(ids[n - streams] if repeats else uuid4())
        yield keys[n % streams], ids[n]
