"""Where consumers stand: how far behind, how fast, and what fails. For people and for monitoring.

What it costs is bounded, however far they are behind; lag.py counts all there is.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count

from eventstore.models import DeadLetter

MINUTE = 60.0  # seconds after which a batch counts for a third of itself


@dataclass(frozen=True, slots=True)
class Standing:
    """A consumer in one partition."""

    consumer: str
    partition: int
    position: int
    events: int  # behind, counted up to a limit
    since: datetime | None  # when the oldest of them was recorded
    seconds: float  # that it has waited
    handled: int  # events, since the checkpoint exists
    per_second: float  # events, of about the last minute
    moved_at: datetime
    attempts: int  # that failed, of the event at ``failed_position``
    failed_position: int | None
    retry_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Feed:
    """What all consumers have in common."""

    highest: int  # the last position that was handed out
    horizon: int  # up to which no event can appear any more
    held_seconds: float  # that readers have waited at a gap; 0 where there is none


def standings(*, count_up_to: int) -> list[Standing]:
    """Return where each consumer stands in each partition that it has begun."""
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, {"limit": count_up_to, "minute": MINUTE})
        return [Standing(*row) for row in cursor]


def feed() -> Feed:
    with connection.cursor() as cursor:
        cursor.execute(FEED)
        return Feed(*cursor.fetchone())


def dead_letters() -> dict[str, int]:
    """Return how many events each consumer has skipped."""
    letters = DeadLetter.objects.values("consumer").annotate(number=Count("pk"))
    return dict(letters.order_by("consumer").values_list("consumer", "number"))


# What is left by now of the events that were handled in about a minute. PostgreSQL refuses powers
# that come to nothing, and its clock may have been set back.
RECENT = f"""recent * exp(-least(30, greatest(0, extract(
    epoch FROM clock_timestamp() - moved_at)) / {MINUTE:.0f})::float8)"""
# Rows are compared as a whole, as in consuming.PEEK.
STANDINGS = f"""
SELECT consumer, partition, position, behind.events, behind.since,
    coalesce(greatest(0, extract(epoch FROM clock_timestamp() - behind.since)), 0)::float8,
    handled, {RECENT} / %(minute)s, moved_at, attempts, failed_position, retry_at, error
FROM eventstore_checkpoint AS checkpoint, LATERAL (
    SELECT count(*) AS events, min(recorded_at) AS since FROM (
        SELECT recorded_at FROM eventstore_storedevent AS stored
        WHERE (stored.partition, stored.position) > (checkpoint.partition, checkpoint.position)
            AND (stored.partition, stored.position) < (checkpoint.partition + 1, 0)
        ORDER BY stored.partition, stored.position LIMIT %(limit)s
    ) AS unhandled
) AS behind
ORDER BY consumer, partition
"""  # noqa: S608 (constants only)
FEED = """
SELECT taken.last_value - (NOT taken.is_called)::int, coalesce(horizon.position, 0),
    coalesce(greatest(0, extract(epoch FROM clock_timestamp() - horizon.held_since)), 0)::float8
FROM eventstore_position AS taken LEFT JOIN eventstore_horizon AS horizon ON true
"""
