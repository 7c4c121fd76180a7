"""Build a projection's next version beside the live one, and switch to it in one transaction.

Each version is a consumer of its own, with its own checkpoints and its own tables. A version that
is not live never overtakes the live one. So at the switch both stand at the same mark: the old one
had the side effects of everything up to it, and the new one has those of everything after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import connection, transaction
from django.db.models.functions import Now

from eventstore import failures, horizon
from eventstore.consuming import LIMIT, EventHandler, consume
from eventstore.events import RecordedEvent
from eventstore.lag import partitions
from eventstore.models import Checkpoint, LiveProjection
from eventstore.partition_reads import read

Watch = Callable[[int], object]
"""Told how many events are done."""


class NotCaughtUp(Exception):
    """The version does not stand where the live one stands: rebuild it, then switch again."""


class DuplicateProjection(Exception):
    """Two projections claim one name and version: give one of them another."""


class NoSuchProjection(Exception):
    """No app has registered a projection of this name, or not in this version."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model in one version. Raise the version to change its tables or its meaning.

    ``handle`` writes this version's tables and nothing else; ``react`` has the side effects, which
    only the live version may have; ``truncate`` empties the tables before a first rebuild.
    """

    name: str
    version: int
    handle: EventHandler
    truncate: Callable[[], None]
    react: EventHandler | None = None

    @property
    def consumer(self) -> str:
        return _consumer(self.name, self.version)


_registered: dict[tuple[str, int], Projection] = {}


def register(projection: Projection) -> Projection:
    """Let the command ``eventstore_projection`` know a version; call it where the app is loaded.

    Raises DuplicateProjection.
    """
    key = projection.name, projection.version
    if key in _registered:
        raise DuplicateProjection(f"{projection.consumer!r} is registered already.")
    _registered[key] = projection
    return projection


def registered(name: str, version: int | None = None) -> Projection:
    """Return a version of a projection, by default the newest. Raises NoSuchProjection."""
    if not _registered:
        raise NoSuchProjection(
            "No projection is registered: let an app hand its own to "
            "eventstore.projection.register, in the ready() of its AppConfig."
        )
    versions = sorted(number for known, number in _registered if known == name)
    if version is None and versions:
        version = versions[-1]
    if version not in versions:
        known = ", ".join(sorted({f"{one.consumer!r}" for one in _registered.values()}))
        raise NoSuchProjection(
            f"{name!r} is registered in {f'no version {version}' if versions else 'no version'}; "
            f"there are: {known}."
        )
    return _registered[name, version]


def live_version(name: str) -> int | None:
    """Return which version of a projection is live, None before the first switch."""
    return LiveProjection.objects.filter(name=name).values_list("version", flat=True).first()


def advance(projection: Projection, *, partition: int, limit: int = LIMIT) -> int:
    """Project the next events of a partition; return how many. Raises as feed.consume does."""
    live = live_version(projection.name)
    mark = None
    if live not in (None, projection.version):
        marks = Checkpoint.objects.filter(
            consumer=_consumer(projection.name, live), partition=partition
        )
        mark = marks.values_list("position", flat=True).first() or 0
    handle = partial(_handle, projection)
    return consume(
        consumer=projection.consumer, partition=partition, handle=handle, limit=limit, up_to=mark
    )


def rebuild(projection: Projection, *, limit: int = LIMIT, watch: Watch = lambda done: None) -> int:
    """Catch a version up while appends go on; return how many events that took.

    Can be killed at any time: run again, it goes on from its checkpoints. Raises PoisonedEvent.
    """
    with transaction.atomic(durable=True):
        if _start(projection.consumer):
            projection.truncate()
    done, before = 0, -1
    while done > before:
        before = done
        for partition in partitions():
            done += advance(projection, partition=partition, limit=limit)
            watch(done)
    return done


def switch(projection: Projection, *, limit: int = LIMIT) -> None:
    """Make a version live, in one transaction that also takes it over its last few events.

    The live version's workers wait meanwhile. Raises NotCaughtUp where more than ``limit`` events
    of a partition are missing, or where the version is ahead of the live one, and what its
    ``handle`` raises.
    """
    until = horizon.advance()
    with transaction.atomic(durable=True):
        with (
            connection.cursor() as cursor
        ):  # one switch at a time, also of the first, without a row
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [projection.name])
        live = live_version(projection.name)
        if live == projection.version:
            return
        old = None if live is None else _consumer(projection.name, live)
        positions = _lock([projection.consumer, *([old] if old else [])])
        for partition in partitions():
            after = positions[projection.consumer, partition]
            mark = positions[old, partition] if old else until
            _catch_up(projection, partition, after, mark, limit)
        LiveProjection.objects.update_or_create(
            name=projection.name,
            defaults={"version": projection.version, "switched_at": Now()},
        )


def _consumer(name: str, version: int | None) -> str:
    return f"{name}@{version}"


def _handle(projection: Projection, events: Sequence[RecordedEvent]) -> None:
    projection.handle(events)
    # Asked under the checkpoint's lock, which a switch takes as well: it cannot change until then.
    if projection.react and live_version(projection.name) == projection.version:
        projection.react(events)


def _start(consumer: str) -> bool:
    """Make a consumer's checkpoints; return whether it had none, and no other made them first."""
    with connection.cursor() as cursor:
        cursor.execute(START, [consumer, list(partitions())])
        made: int = cursor.rowcount
        return made == len(partitions())


def _lock(consumers: Sequence[str]) -> dict[tuple[str, int], int]:
    for consumer in consumers:
        _start(consumer)
    rows = Checkpoint.objects.select_for_update().filter(consumer__in=consumers)
    return {(one.consumer, one.partition): one.position for one in rows.order_by("pk")}


def _catch_up(projection: Projection, partition: int, after: int, mark: int, limit: int) -> None:
    events = read(partition=partition, after=after, until=mark, limit=limit + 1)
    if after > mark or len(events) > limit:
        raise NotCaughtUp(
            f"{projection.consumer} is at {after} in partition {partition}, not yet at {mark}."
        )
    if events:
        projection.handle(events)
        own = Checkpoint.objects.filter(consumer=projection.consumer, partition=partition)
        own.update(position=events[-1].position, **failures.CLEARED)


START = """
INSERT INTO eventstore_checkpoint (consumer, partition, position)
SELECT %s, partition, 0 FROM unnest(%s::smallint[]) AS wanted (partition) ORDER BY partition
ON CONFLICT DO NOTHING
"""
