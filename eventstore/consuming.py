"""Read all events of a partition in order, and handle each exactly once.

A consumer is a name; each of its partitions has a checkpoint of its own. Workers share partitions
without knowing of each other: whoever has locked a checkpoint works on it, the others pass by. An
event that cannot be handled stops its partition only: see failures.py.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db import connection, models, transaction
from django.db.models.functions import Now

from eventstore import drivers, failures, horizon, keyring, sql
from eventstore.cursors import binary_cursor
from eventstore.events import RecordedEvent, SealedEvent
from eventstore.models import Checkpoint
from eventstore.rows import decode_row

logger = logging.getLogger(__name__)

Handler = Callable[[Sequence[RecordedEvent]], None]


class CheckpointMoved(Exception):
    """Somebody moved the checkpoint while its events were handled: all of it is rolled back."""


@dataclass(frozen=True, slots=True)
class _Work:
    consumer: str
    partition: int
    handle: Handler
    until: int
    limit: int


class _HandlerFailed(Exception):
    """Carries out of the transaction where it stood when the handler raised."""

    def __init__(self, *, after: int, alone: bool) -> None:
        self.after, self.alone = after, alone


def consume(
    *, consumer: str, partition: int, handle: Handler, limit: int = 1000, up_to: int | None = None
) -> int:
    """Hand the next events of a partition, up to a position, to ``handle``; return their number.

    What ``handle`` writes and the checkpoint's move are one transaction: all or nothing. Returns 0
    where there is nothing to do, also when another worker has the partition, or while it waits for
    the next attempt at an event that failed.

    When ``handle`` raises, all is rolled back, the events are handed over one by one, and the one
    that fails is recorded with its next attempt. Raises PoisonedEvent for it, and CheckpointMoved.
    """
    until = horizon.advance()
    Checkpoint.objects.get_or_create(consumer=consumer, partition=partition)
    if up_to is not None:
        until = min(until, up_to)
    return _consume(_Work(consumer, partition, handle, until, limit))


def read(*, partition: int, after: int, until: int, limit: int) -> list[RecordedEvent]:
    """Return events of a partition after a position, up to the horizon ``until``, in order.

    Raises UnreadableEvent, which names the stream, the version and the position.
    """
    with binary_cursor() as cursor:
        cursor.execute(
            sql.FEED,
            [partition, after, until, limit],
        )
        rows = cursor.fetchall()
    try:
        return [decode_row(row) for row in rows]
    except SealedEvent:
        return drivers.run(keyring.decoded(rows))


def _consume(work: _Work) -> int:
    try:
        return _handle_next(work)
    except _HandlerFailed as failed:
        if failed.alone:
            return _record(work, failed)
        logger.warning(
            "%s failed with a batch of partition %d after position %d: now one by one",
            *(work.consumer, work.partition, failed.after),
            exc_info=failed.__cause__,
        )
    single, handled = replace(work, limit=1), 0
    while handled < work.limit and _consume(single):
        handled += 1
    return handled


def _handle_next(work: _Work) -> int:
    with transaction.atomic(durable=True):
        checkpoint = _lock(work)
        if checkpoint is None:
            return 0
        after = checkpoint.position
        limit = 1 if checkpoint.attempts else work.limit  # what has failed is tried alone
        try:
            events = read(partition=work.partition, after=after, until=work.until, limit=limit)
            if events:
                work.handle(events)
                _check_constraints()
        except (
            Exception
        ) as error:  # the one place: a handler is others' code and may raise anything
            raise _HandlerFailed(after=after, alone=limit == 1) from error
        if events:
            _move(checkpoint, to=events[-1].position)
    return len(events)


def _record(work: _Work, failed: _HandlerFailed) -> int:
    error = failed.__cause__ or failed
    poisoned = failures.record(
        consumer=work.consumer,
        partition=work.partition,
        after=failed.after,
        until=work.until,
        error=error,
    )
    if poisoned is None:
        return 0
    raise poisoned from error


def _lock(work: _Work) -> Checkpoint | None:
    """Return the locked checkpoint, or None: another worker has it, or it waits for a retry."""
    rows = Checkpoint.objects.filter(consumer=work.consumer, partition=work.partition)
    ready = rows.filter(models.Q(retry_at=None) | models.Q(retry_at__lte=Now()))
    return ready.select_for_update(skip_locked=True).first()


def _check_constraints() -> None:
    """Let constraints that wait for the commit fail here, where the event can be named."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def _move(checkpoint: Checkpoint, *, to: int) -> None:
    """Move a checkpoint by compare-and-set: the lock keeps workers away, this proves that it did.

    Raises CheckpointMoved.
    """
    unmoved = Checkpoint.objects.filter(pk=checkpoint.pk, position=checkpoint.position)
    if not unmoved.update(position=to, **failures.CLEARED):
        raise CheckpointMoved(
            f"The checkpoint of {checkpoint.consumer!r} in partition {checkpoint.partition} is no "
            f"longer at {checkpoint.position}: nothing of this batch was kept."
        )
