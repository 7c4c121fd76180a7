"""The worker that measures our event store, by what it shows to its users."""

import os
import random
import resource
from contextlib import suppress
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "catacloud.settings"
django.setup()

from django.db import connection  # noqa: E402

from catacloud import heap  # noqa: E402
from eventstore import cache, feed, repository, store  # noqa: E402
from eventstore.events import StreamKey  # noqa: E402
from eventstore.models import Horizon  # noqa: E402
from eventstore.store import Append, NewEvent  # noqa: E402
from tests.benchmarks.databases import DURABLE, NotDurable  # noqa: E402
from tests.benchmarks.eventstore.example import (  # noqa: E402
    EVENT,
    NOW,
    Meter,
    arrivals,
    key_of,
    new_key,
)
from tests.benchmarks.workers import Reply, counted, repeated, serve  # noqa: E402

# The library is measured, not the message to a broker that the project sends after each append.
store.appended.disconnect(dispatch_uid="wake the metrics saga")

NEW = NewEvent(event=EVENT, occurred_at=NOW)
RECENT = 100  # streams


def hello(writer: int) -> Reply:
    with connection.cursor() as cursor:
        for name in DURABLE:
            cursor.execute(f"SHOW {name}")
            if cursor.fetchone() != ("on",):
                raise NotDurable(f"{name} is not on in our own connections.")
    return {}


def single(writer: int, seconds: float) -> Reply:
    """One event a call, to a stream of its own, whose version is checked."""
    key, version = new_key(), 0

    def work() -> None:
        nonlocal version
        version += store.append([Append(key=key, events=[NEW], expected=version)]).new

    return repeated(work, seconds=seconds)


def shared(writer: int, seconds: float, stream: int) -> Reply:
    """One event a call, to a stream that others write too."""
    one = Append(key=key_of(stream), events=[NEW])
    return repeated(lambda: store.append([one]), seconds=seconds)


def batch(writer: int, events: int) -> Reply:
    one = Append(key=new_key(), events=[NEW] * events, expected=0)
    return counted(lambda: store.append([one]).new)


def bulk(writer: int, events: int, streams: int) -> Reply:
    given = [
        Append(key=key, events=[NewEvent(event=EVENT, occurred_at=NOW, event_id=event_id)])
        for key, event_id in arrivals(events=events, streams=streams)
    ]
    return counted(lambda: store.append(given).new)


def read(writer: int, stream: int) -> Reply:
    before = _peak()
    reply = counted(lambda: sum(1 for _ in store.read_stream(key_of(stream))))
    return reply | {"grown": _peak() - before}


def _peak() -> float:
    """Return the most MB that this process ever had."""
    with suppress(FileNotFoundError):  # Linux; there, ru_maxrss begins with the parent's
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000_000


def load(writer: int, stream: int, seconds: float) -> Reply:
    return repeated(lambda: _load(key_of(stream)), seconds=seconds)


def append_anywhere(writer: int, streams: int, seconds: float) -> Reply:
    def work() -> None:
        store.append([Append(key=key_of(random.randrange(streams)), events=[NEW])])

    return repeated(work, seconds=seconds)


def load_anywhere(writer: int, streams: int, seconds: float) -> Reply:
    """Load streams that this process has not seen yet."""

    def work() -> None:
        key = key_of(random.randrange(streams))
        cache.states.drop(key)
        _load(key)

    return repeated(work, seconds=seconds)


def load_again(writer: int, streams: int, seconds: float) -> Reply:
    """Load streams that it has, a handful of them spread over the whole store."""
    step = streams // RECENT
    return repeated(lambda: _load(key_of(step * random.randrange(RECENT))), seconds=seconds)


def load_all(writer: int, streams: int) -> Reply:
    def work() -> int:
        for stream in range(streams):
            _load(key_of(stream))
        return streams

    return counted(work)


def _load(key: StreamKey) -> None:
    loaded = repository.load(Meter, tenant_id=key.tenant_id, stream_id=key.stream_id)
    if loaded.state.total != loaded.version or not loaded.version:
        raise AssertionError(f"{key} was loaded wrongly: {loaded}")


def consume(writer: int, consumer: str) -> Reply:
    """Handle everything, for the first time: the horizon too starts anew."""
    Horizon.objects.update(position=0, fence_position=None, fence_xid=None)

    def work() -> int:
        done = 0
        for partition in feed.partitions():
            while events := feed.consume(
                consumer=consumer, partition=partition, handle=lambda events: None
            ):
                done += events
        return done

    return counted(work)


if __name__ == "__main__":
    heap.settle()  # as the project's own processes do
    commands = (hello, single, shared, batch, bulk, read, load, consume)
    anywhere = (append_anywhere, load_anywhere, load_again, load_all)
    serve({command.__name__: command for command in (*commands, *anywhere)})
