"""Read all events of a partition in order, and handle each exactly once.

A consumer is a name; each of its partitions has a checkpoint of its own. Workers share partitions
without knowing of each other: whoever has locked a checkpoint works on it, the others pass by. An
event that cannot be handled stops its partition only: see failures.py.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from django.db import connection, transaction

from eventstore import failures, horizon, standing
from eventstore.cursors import binary_cursor, own_transaction
from eventstore.events import RecordedEvent
from eventstore.partition_reads import Window, read, window

logger = logging.getLogger(__name__)

LIMIT = 4000  # events a batch
PARTS = 16  # of a batch that failed, tried one after the other


@dataclass(frozen=True, slots=True)
class SetHandler:
    """Handles the events of a window as a set, in SQL: none of them is read before it asks.

    ``handle`` returns False where it has written nothing: what would be lost in a crash is then no
    more than that they were handled, and nobody waits for the disk. What ``stopped_by`` names is
    raised on, for no event is to blame: a time limit, for example.
    """

    handle: Callable[[Window], bool | None]
    stopped_by: tuple[type[Exception], ...] = ()


EventHandler = Callable[[Sequence[RecordedEvent]], None]
Handler = EventHandler | SetHandler


class CheckpointMoved(Exception):
    """Somebody moved the checkpoint while its events were handled: all of it is rolled back."""


@dataclass(frozen=True, slots=True)
class _Work:
    consumer: str
    partition: int
    handle: Handler
    until: int
    limit: int

    @property
    def stopped_by(self) -> tuple[type[Exception], ...]:
        return self.handle.stopped_by if isinstance(self.handle, SetHandler) else ()


@dataclass(frozen=True, slots=True)
class _Locked:
    """A checkpoint whose row this transaction has locked."""

    id: int
    position: int
    attempts: int


class _Batch(NamedTuple):
    window: Window
    handle: Callable[[], bool | None]


class _HandlerFailed(Exception):
    """Carries out of the transaction where it stood, and how many events were handed over.

    ``alone`` is whether it could have been no more than one.
    """

    def __init__(self, *, after: int, count: int, alone: bool) -> None:
        self.after, self.count, self.alone = after, count, alone


def consume(
    *, consumer: str, partition: int, handle: Handler, limit: int = LIMIT, up_to: int | None = None
) -> int:
    """Hand the next events of a partition, up to a position, to ``handle``; return their number.

    A :class:`SetHandler` is told which they are, and reads of them what it needs.

    What ``handle`` writes and the checkpoint's move are one transaction: all or nothing. Returns 0
    where there is nothing to do, also when another worker has the partition, or while it waits for
    the next attempt at an event that failed.

    When ``handle`` raises, all is rolled back, the events are handed over in ever smaller parts,
    and the one that fails is recorded with its next attempt. Raises PoisonedEvent for it, and
    CheckpointMoved.
    """
    until = _ready_until(consumer, partition, up_to)
    return _consume(_Work(consumer, partition, handle, until, limit)) if until else 0


def _ready_until(consumer: str, partition: int, up_to: int | None) -> int | None:
    """Return up to which position there is something to handle, or None where there is nothing.

    The horizon is moved only where the next event is still beyond it.
    """
    with own_transaction(), binary_cursor() as cursor:
        cursor.execute(PEEK, {"consumer": consumer, "partition": partition})
        row: tuple[int | None, int, int | None] = cursor.fetchall()[0]
    checkpoint, until, following = row
    if checkpoint is None:
        _begin(consumer, partition)
    if following is None or (up_to is not None and following > up_to):
        return None
    if following > until:
        until = horizon.advance()
    if following > until:
        return None
    return until if up_to is None else min(until, up_to)


def _begin(consumer: str, partition: int) -> None:
    with binary_cursor() as cursor:
        cursor.execute(BEGIN, {"consumer": consumer, "partition": partition})


def _consume(work: _Work) -> int:
    try:
        return _handle_next(work)
    except _HandlerFailed as failed:
        if failed.alone:
            return _record(work, failed)
        count, part = failed.count, replace(work, limit=-(-failed.count // PARTS))
        logger.warning(
            "%s failed with a batch of partition %d after position %d: now %d at a time",
            *(work.consumer, work.partition, failed.after, part.limit),
            exc_info=failed.__cause__,
        )
    handled = 0
    while handled < count and (more := _consume(part)):
        handled += more
    return handled


def _handle_next(work: _Work) -> int:
    with transaction.atomic(durable=True):
        checkpoint = _lock(work)
        if checkpoint is None:
            return 0
        after = checkpoint.position
        limit = count = 1 if checkpoint.attempts else work.limit  # what has failed is tried alone
        try:
            batch = _next_batch(work, after=after, limit=limit)
            if batch is None:
                return 0
            count = batch.window.count
            has_written = batch.handle() is not False
            moved = _move(checkpoint, batch.window, has_written=has_written)
        except work.stopped_by:
            raise
        except (
            Exception
        ) as error:  # the one place: a handler is others' code and may raise anything
            raise _HandlerFailed(after=after, count=count, alone=limit == 1) from error
        if not moved:
            raise CheckpointMoved(
                f"The checkpoint of {work.consumer!r} in partition {work.partition} is no longer "
                f"at {after}: nothing of this batch was kept."
            )
    return count


def _next_batch(work: _Work, *, after: int, limit: int) -> _Batch | None:
    if isinstance(work.handle, SetHandler):
        found = window(partition=work.partition, after=after, until=work.until, limit=limit)
        return _Batch(found, partial(work.handle.handle, found)) if found else None
    events = read(partition=work.partition, after=after, until=work.until, limit=limit)
    if not events:
        return None
    last = events[-1]
    seen = Window(work.partition, after, last.position, len(events), last.recorded_at)
    return _Batch(seen, partial(work.handle, events))


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


def _lock(work: _Work) -> _Locked | None:
    """Return the locked checkpoint, or None: another worker has it, or it waits for a retry."""
    with binary_cursor() as cursor:
        cursor.execute(LOCK, [work.consumer, work.partition])
        rows = cursor.fetchall()
    return _Locked(*rows[0]) if rows else None


def _move(checkpoint: _Locked, handled: Window, *, has_written: bool) -> bool:
    """Move a checkpoint by compare-and-set: the lock keeps workers away, this proves that it did.

    Constraints that wait for the commit are checked as well, so that they fail where the event can
    be named. All is one message to the server, which has no place for values: ``%d`` lets only
    numbers in.
    """
    values = {
        **{"id": checkpoint.id, "position": checkpoint.position},
        **{"to": handled.until, "handled": handled.count},
    }
    with connection.cursor() as cursor:
        cursor.execute(MOVE % values + ("" if has_written else NO_DISK))
        return bool(cursor.rowcount)  # of the first command


# Rows are compared as a whole: for `partition = … AND position > …` PostgreSQL may walk the index
# of all partitions' positions.
PEEK = """
SELECT checkpoint.id, coalesce(horizon.position, 0), (
    SELECT stored.position FROM eventstore_storedevent AS stored
    WHERE (stored.partition, stored.position) > (
        %(partition)s, coalesce(checkpoint.position, 0)
    ) AND (stored.partition, stored.position) < (%(partition)s + 1, 0)
    ORDER BY stored.partition, stored.position LIMIT 1
)
FROM (VALUES (1)) AS always
LEFT JOIN eventstore_checkpoint AS checkpoint
    ON checkpoint.consumer = %(consumer)s AND checkpoint.partition = %(partition)s
LEFT JOIN eventstore_horizon AS horizon ON horizon.id = 1
"""
# Nobody waits for the disk, either: what rests on it is later in the server's log.
BEGIN = """
INSERT INTO eventstore_checkpoint (consumer, partition, position)
VALUES (%(consumer)s, %(partition)s, 0) ON CONFLICT (consumer, partition) DO NOTHING
RETURNING set_config('synchronous_commit', 'off', true)
"""
LOCK = f"""
SELECT id, position, attempts FROM eventstore_checkpoint
WHERE consumer = %s AND partition = %s AND {failures.DUE_SQL}
FOR UPDATE SKIP LOCKED
"""  # noqa: S608 (constants only)
MOVE = f"""
UPDATE eventstore_checkpoint SET position = %(to)d, {failures.CLEAR},
    handled = handled + %(handled)d, recent = {standing.RECENT} + %(handled)d,
    moved_at = clock_timestamp()
WHERE id = %(id)d AND position = %(position)d;
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED
"""  # noqa: S608 (constants only)
NO_DISK = "; SET LOCAL synchronous_commit TO off"
