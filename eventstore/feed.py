"""Read all events of a partition in order, and handle each exactly once.

A consumer is a name; each of its partitions has a checkpoint of its own. Workers share partitions
without knowing of each other: whoever has locked a checkpoint works on it, the others pass by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from eventstore import horizon
from eventstore.events import RecordedEvent
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import recorded

Handler = Callable[[Sequence[RecordedEvent]], None]


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer is behind: in events, and since when (None where it is not)."""

    events: int
    since: datetime | None


def partitions() -> range:
    return range(settings.EVENTSTORE_PARTITIONS)


def consume(*, consumer: str, partition: int, handle: Handler, limit: int = 1000) -> int:
    """Hand the next events of a partition to ``handle``; return how many there were.

    What ``handle`` writes and the checkpoint's move are one transaction: all or nothing. Returns 0
    where there is nothing to do, also when another worker has the partition.
    """
    until = horizon.advance()
    Checkpoint.objects.get_or_create(consumer=consumer, partition=partition)
    with transaction.atomic(durable=True):
        checkpoint = (
            Checkpoint.objects.select_for_update(skip_locked=True)
            .filter(consumer=consumer, partition=partition)
            .first()
        )
        if checkpoint is None:
            return 0
        events = read(partition=partition, after=checkpoint.position, until=until, limit=limit)
        if events:
            handle(events)
            checkpoint.position = events[-1].position
            checkpoint.save(update_fields=["position"])
    return len(events)


def read(*, partition: int, after: int, until: int, limit: int) -> list[RecordedEvent]:
    """Return events of a partition after a position, up to the horizon ``until``, in order."""
    rows = StoredEvent.objects.filter(
        partition=partition, position__gt=after, position__lte=until
    ).order_by("position")
    return list(recorded(rows[:limit]))


def lag(*, consumer: str) -> Lag:
    """Return how many events the consumer has not handled, and when the oldest was recorded."""
    with connection.cursor() as cursor:
        cursor.execute(LAG, {"consumer": consumer, "partitions": list(partitions())})
        events, since = cursor.fetchone()
    return Lag(events, since)


def partitions_behind(*, consumer: str) -> list[int]:
    """Return the partitions in which the consumer has events to handle."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND, {"consumer": consumer, "partitions": list(partitions())})
        return [partition for (partition,) in cursor.fetchall()]


UNHANDLED = """
FROM unnest(%(partitions)s) AS wanted (partition)
LEFT JOIN eventstore_checkpoint AS checkpoint
    ON checkpoint.partition = wanted.partition AND checkpoint.consumer = %(consumer)s
JOIN eventstore_storedevent AS stored
    ON stored.partition = wanted.partition AND stored.position > coalesce(checkpoint.position, 0)
"""
LAG = "SELECT count(*), min(stored.recorded_at)" + UNHANDLED
BEHIND = "SELECT DISTINCT wanted.partition" + UNHANDLED
