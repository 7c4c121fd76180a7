"""What becomes of an event that its handler cannot handle: back-off, retry, or a dead letter.

A failure stands on the checkpoint, so it can only be of the event that comes next, and it stops
this one partition of this one consumer.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models.functions import Now

from eventstore.models import Checkpoint, DeadLetter

FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(minutes=5)  # the back-off doubles up to this

# No back-off is longer than the last one: a retry beyond it was set before the clock was set back.
DUE = (
    models.Q(retry_at=None)
    | models.Q(retry_at__lte=Now())
    | models.Q(retry_at__gt=Now() + LAST_RETRY)
)
DUE_SQL = f"""(retry_at IS NULL OR retry_at <= statement_timestamp()
    OR retry_at > statement_timestamp() + interval '{LAST_RETRY.total_seconds():.0f} seconds')"""
CLEARED = {"attempts": 0, "failed_position": None, "failed_at": None, "retry_at": None, "error": ""}
CLEAR = "attempts = 0, failed_position = NULL, failed_at = NULL, retry_at = NULL, error = ''"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands: what an operator needs to find it."""

    position: int
    tenant_id: UUID
    stream_id: UUID
    version: int

    def __str__(self) -> str:
        return f"stream {self.stream_id}, version {self.version}, position {self.position}"


class PoisonedEvent(Exception):
    """An event could not be handled. The failure is recorded and its partition waits."""

    def __init__(self, checkpoint: Checkpoint, place: Place) -> None:
        super().__init__(
            f"{checkpoint.consumer} cannot handle {place} (partition {checkpoint.partition}, "
            f"attempt {checkpoint.attempts}, next at {checkpoint.retry_at}): {checkpoint.error}"
        )
        self.place, self.attempts = place, checkpoint.attempts
        self.retry_at: datetime | None = checkpoint.retry_at


class NotFailing(Exception):
    """There is no failure to retry, or the event to skip is not the one that fails."""


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts."""
    doublings: int = min(attempts - 1, 16)  # no more: a timedelta has its limits
    return min(FIRST_RETRY * (1 << doublings), LAST_RETRY)


def record(
    *, consumer: str, partition: int, after: int, until: int, error: BaseException
) -> PoisonedEvent | None:
    """Record that the next event after a position failed, in a transaction of its own.

    Returns what to raise, or None where another worker has moved the checkpoint on meanwhile. A
    failure to record is raised as it is: it must not pass for a recorded one.
    """
    with transaction.atomic(durable=True):
        checkpoint = _lock(consumer, partition)
        place = _next(partition=partition, after=after, until=until)
        if checkpoint is None or checkpoint.position != after or place is None:
            return None
        attempts = checkpoint.attempts + 1
        Checkpoint.objects.filter(pk=checkpoint.pk).update(
            attempts=attempts,
            failed_position=place.position,
            failed_at=Now(),
            retry_at=Now() + backoff(attempts),
            # PostgreSQL holds any text but that with a NUL.
            error=f"{type(error).__name__}: {error}".replace("\0", "\ufffd"),
        )
        checkpoint.refresh_from_db()
    return PoisonedEvent(checkpoint, place)


def retry(*, consumer: str, partition: int) -> None:
    """Let the failing event of a partition be tried again at once. Raises NotFailing."""
    failing = Checkpoint.objects.filter(consumer=consumer, partition=partition, attempts__gt=0)
    if not failing.update(retry_at=Now()):
        raise NotFailing(f"Partition {partition} of {consumer!r} is not failing.")


@transaction.atomic
def skip(*, consumer: str, position: int, reason: str, by: str) -> DeadLetter:
    """Move a consumer past the event that fails, and keep who decided so and why.

    Waits for a worker that is trying the event just now. Raises NotFailing where the consumer does
    not fail at this position: nobody skips what might still be handled. Of an event that it had
    skipped before its checkpoint was begun anew, the record of now takes the place of that of then.
    """
    checkpoint = (
        Checkpoint.objects.select_for_update()
        .filter(consumer=consumer, failed_position=position)
        .first()
    )
    if checkpoint is None:
        raise NotFailing(f"{consumer!r} does not fail at position {position}.")
    place = _next(partition=checkpoint.partition, after=position - 1, until=position)
    if place is None:
        raise NotFailing(f"There is no event at position {position}.")
    letter, _ = DeadLetter.objects.update_or_create(
        consumer=consumer,
        position=position,
        defaults={
            **asdict(place),
            "partition": checkpoint.partition,
            "error": checkpoint.error,
            "reason": reason,
            "skipped_by": by,
            "skipped_at": Now(),
        },
    )
    Checkpoint.objects.filter(pk=checkpoint.pk).update(position=position, **CLEARED)
    return letter


def _lock(consumer: str, partition: int) -> Checkpoint | None:
    rows = Checkpoint.objects.select_for_update()
    return rows.filter(consumer=consumer, partition=partition).first()


def _next(*, partition: int, after: int, until: int) -> Place | None:
    """Return where the first event of a range stands. Its data are not read: they may be bad."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT, {"partition": partition, "after": after, "until": until})
        row = cursor.fetchone()
    return Place(*row) if row else None


# Rows are compared as a whole, as in partition_reads.READ, whose first event this is.
NEXT = """
SELECT position, tenant_id, stream_id, version FROM eventstore_storedevent
WHERE (partition, position) > (%(partition)s, %(after)s)
    AND (partition, position) <= (%(partition)s, %(until)s)
ORDER BY partition, position LIMIT 1
"""
