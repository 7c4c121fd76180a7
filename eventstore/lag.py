"""How far consumers are behind, and what keeps them there."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from eventstore.cursors import binary_cursor
from eventstore.failures import LAST_RETRY
from eventstore.models import Checkpoint


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer is behind: in events, and since when (None where it is not)."""

    events: int
    since: datetime | None
    seconds: float = 0.0
    is_more: bool = False  # not all of them were counted


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


def lag(*, consumer: str, count_up_to: int | None = None) -> Lag:
    """Return how many events the consumer has not handled, and when the oldest was recorded.

    What it costs is bounded where only so many are counted of each partition.
    """
    with binary_cursor() as cursor:
        cursor.execute(
            LAG,
            {"consumers": [consumer], "partitions": list(partitions()), "limit": count_up_to},
        )
        [found] = cursor.fetchall()
    return Lag(*found)


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
# Rows are compared as a whole, as in consuming.PEEK; and each partition is looked up for itself,
# for a join would read all events there are to find that a consumer has handled them.
BEYOND = """
(stored.partition, stored.position) > (wanted.partition, coalesce(checkpoint.position, 0))
AND (stored.partition, stored.position) < (wanted.partition + 1, 0)
"""
UNHANDLED = f"""
LEFT JOIN eventstore_horizon AS horizon ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(stored.recorded_at) AS since, count(*) FILTER (
        WHERE stored.position > horizon.position AND horizon.fence_xid IS NOT NULL
    ) AS held
    FROM eventstore_storedevent AS stored WHERE {BEYOND}
) AS unhandled
"""  # noqa: S608 (constants only)
# The clock of the database wrote recorded_at; it may have been set back since.
SECONDS = "coalesce(greatest(0, extract(epoch FROM clock_timestamp() - {since})), 0)::float8"
LAG = f"""
SELECT coalesce(sum(events), 0)::bigint, min(since), {SECONDS.format(since="min(since)")},
    coalesce(bool_or(events = %(limit)s::bigint), false)
{WANTED}
CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(recorded_at) AS since FROM (
        SELECT stored.recorded_at FROM eventstore_storedevent AS stored WHERE {BEYOND}
        ORDER BY stored.partition, stored.position LIMIT %(limit)s::bigint
    ) AS next
) AS unhandled
"""  # noqa: S608 (constants only)
LAGS = f"""
SELECT consumer.name, wanted.partition, events, {SECONDS.format(since="since")}, held,
    coalesce(checkpoint.attempts, 0), checkpoint.failed_position, checkpoint.retry_at,
    coalesce(checkpoint.error, '')
{WANTED} {UNHANDLED}
ORDER BY consumer.name, wanted.partition
"""
# As in failures.DUE.
DUE = f"""
checkpoint.retry_at IS NULL OR checkpoint.retry_at <= now()
    OR checkpoint.retry_at > now() + interval '{LAST_RETRY.total_seconds()} s'
"""
BEHIND = f"""
SELECT wanted.partition {WANTED}
CROSS JOIN LATERAL (
    SELECT FROM eventstore_storedevent AS stored WHERE {BEYOND}
    ORDER BY stored.partition, stored.position LIMIT 1
) AS first
WHERE {DUE}
"""  # noqa: S608 (constants only)
