"""How far consumers are behind, and what keeps them there."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from eventstore.failures import LAST_RETRY
from eventstore.models import Checkpoint


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer is behind: in events, and since when (None where it is not)."""

    events: int
    since: datetime | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a consumer is behind in one partition, and why."""

    consumer: str
    partition: int
    events: int
    seconds: float
    held: int  # events that wait behind a gap
    attempts: int  # that failed, of the event at ``failed_position``
    failed_position: int | None
    retry_at: datetime | None
    error: str


def partitions() -> range:
    return range(settings.EVENTSTORE_PARTITIONS)


def lag(*, consumer: str) -> Lag:
    """Return how many events the consumer has not handled, and when the oldest was recorded."""
    with connection.cursor() as cursor:
        cursor.execute(LAG, {"consumers": [consumer], "partitions": list(partitions())})
        return Lag(*cursor.fetchone())


def lags(*, consumer: str | None = None) -> list[PartitionLag]:
    """Return the lag of a consumer, or of all that ever consumed, partition by partition.

    ``held`` is true to the horizon as it stands: advance it first.
    """
    consumers = Checkpoint.objects.order_by("consumer").values_list("consumer", flat=True)
    names = [consumer] if consumer else list(consumers.distinct())
    with connection.cursor() as cursor:
        cursor.execute(LAGS, {"consumers": names, "partitions": list(partitions())})
        return [PartitionLag(*row) for row in cursor]


def partitions_behind(*, consumer: str) -> list[int]:
    """Return the partitions with events to handle, but for those that wait for a retry."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND, {"consumers": [consumer], "partitions": list(partitions())})
        return [partition for (partition,) in cursor]


WANTED = """
FROM unnest(%(consumers)s::text[]) AS consumer (name)
CROSS JOIN unnest(%(partitions)s::smallint[]) AS wanted (partition)
LEFT JOIN eventstore_checkpoint AS checkpoint
    ON checkpoint.partition = wanted.partition AND checkpoint.consumer = consumer.name
"""
UNHANDLED = """ JOIN eventstore_storedevent AS stored
    ON stored.partition = wanted.partition AND stored.position > coalesce(checkpoint.position, 0)
"""
# The clock of the database wrote recorded_at; it may have been set back since.
SECONDS = """
coalesce(greatest(0, extract(epoch FROM clock_timestamp() - min(stored.recorded_at))), 0)::float8
"""
LAG = f"SELECT count(*), min(stored.recorded_at), {SECONDS} {WANTED} {UNHANDLED}"
LAGS = f"""
SELECT consumer.name, wanted.partition, count(stored.position), {SECONDS},
    count(*) FILTER (WHERE stored.position > horizon.position AND horizon.fence_xid IS NOT NULL),
    coalesce(checkpoint.attempts, 0), checkpoint.failed_position, checkpoint.retry_at,
    coalesce(checkpoint.error, '')
{WANTED} LEFT {UNHANDLED}
LEFT JOIN eventstore_horizon AS horizon ON true
GROUP BY consumer.name, wanted.partition, checkpoint.id
ORDER BY consumer.name, wanted.partition
"""
# As in failures.DUE.
DUE = f"""
checkpoint.retry_at IS NULL OR checkpoint.retry_at <= now()
    OR checkpoint.retry_at > now() + interval '{LAST_RETRY.total_seconds()} s'
"""
BEHIND = f"""
SELECT wanted.partition {WANTED}
WHERE ({DUE}) AND EXISTS (
    SELECT FROM eventstore_storedevent AS stored
    WHERE stored.partition = wanted.partition
        AND stored.position > coalesce(checkpoint.position, 0)
)
"""  # noqa: S608 (constants only)
