"""Append to streams and read them, from code that blocks and, with an ``a``, from code that awaits.

What an append does is said once, in appending.py, and done in one place, in the database's function
``eventstore_append``.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Unpack

from django.db import transaction
from django.dispatch import Signal

from eventstore import appending, drivers, keyring, reading
from eventstore.appending import (
    Appended,
    OtherContent,
    StreamConflict,
    WrongStreamType,
)
from eventstore.cursors import streaming_cursor
from eventstore.drivers import AsyncConnection
from eventstore.events import Metadata, RecordedEvent, SealedEvent, StreamKey
from eventstore.keyring import TenantShredded
from eventstore.models import StoredEvent
from eventstore.reading import ReadInterrupted, Window
from eventstore.rows import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    NewEvent,
    decode_row,
    partition_of,
)
from eventstore.sealing import Ring, open_row
from eventstore.steps import ERRORS

__all__ = [
    "ANY",
    "NO_STREAM",
    "STREAM_EXISTS",
    "Append",
    "Appended",
    "NewEvent",
    "OtherContent",
    "ReadInterrupted",
    "StreamConflict",
    "TenantShredded",
    "Window",
    "WrongStreamType",
    "aappend",
    "append",
    "appended",
    "aread_stream",
    "lock",
    "partition_of",
    "read_stream",
]

appended = Signal()
"""Sent after the commit with ``partitions``, the set of those that got events. Only a hint."""


def append(appends: Iterable[Append], *, metadata: Metadata | None = None) -> Appended:
    """Append to any number of streams, all or nothing.

    Writers of one stream queue up; streams are locked in one order, so writers of many cannot
    deadlock. Raises StreamConflict, WrongStreamType, OtherContent and TenantShredded; then nothing
    is written.
    """
    todo = appending.in_lock_order(appends)
    if not todo:
        return appending.NOTHING
    alone = len(todo) == 1 and transaction.get_autocommit()  # one statement, all or nothing itself
    with nullcontext() if alone else transaction.atomic():
        done = drivers.run(appending.append(todo, metadata))
    announce_after_commit(done)
    return done


async def aappend(
    appends: Iterable[Append],
    *,
    metadata: Metadata | None = None,
    connection: AsyncConnection | None = None,
) -> Appended:
    """Append as :func:`append` does: on a connection of the pool, or in the caller's transaction.

    A caller that brings a connection sends ``appended`` itself, once it has committed.
    """
    todo = appending.in_lock_order(appends)
    if not todo:
        return appending.NOTHING
    async with (
        drivers.aconnection(connection) as db,
        db.transaction() if len(todo) > 1 else nullcontext(),
    ):
        done = await drivers.arun(appending.append(todo, metadata), db)
    if connection is None:
        await aannounce(done)
    return done


def lock(keys: Sequence[StreamKey]) -> dict[StreamKey, int]:
    """Lock streams until the transaction ends, creating what is missing; return their versions.

    Raises WrongStreamType.
    """
    return drivers.run(appending.lock(keys))


def read_stream(key: StreamKey, **window: Unpack[Window]) -> Iterator[RecordedEvent]:
    """Stream a stream's events from the server, oldest first if not ``backwards``.

    Memory is bounded at any length. Raises, after the events before it, UnreadableEvent at one that
    cannot be decoded, and ReadInterrupted where the database is lost.
    """
    query, version = reading.query(key, window), None
    ring: Ring | None = None
    try:
        with streaming_cursor(chunk=reading.CHUNK) as rows:
            rows.execute(query.sql, query.values)
            for row in rows:
                try:
                    event = decode_row(row)
                except SealedEvent:
                    if ring is None:
                        ring = drivers.run(keyring.to_open({key.tenant_id}))
                    event = decode_row(open_row(row, ring))
                yield event
                version = event.version
    except ERRORS as error:
        raise reading.interrupted(key, version, error) from error


async def aread_stream(
    key: StreamKey, *, connection: AsyncConnection | None = None, **window: Unpack[Window]
) -> AsyncIterator[RecordedEvent]:
    """Stream a stream's events as :func:`read_stream` does."""
    query, version = reading.query(key, window), None
    ring: Ring | None = None
    try:
        async with (
            drivers.aconnection(connection) as db,
            db.transaction(),
            db.cursor(name="eventstore", binary=True, scrollable=False) as rows,
        ):
            rows.itersize = reading.CHUNK
            await rows.execute(query.sql, query.values)
            async for row in rows:
                try:
                    event = decode_row(row)
                except SealedEvent:
                    if ring is None:
                        ring = await drivers.arun(keyring.to_open({key.tenant_id}), db)
                    event = decode_row(open_row(row, ring))
                yield event
                version = event.version
    except ERRORS as error:
        raise reading.interrupted(key, version, error) from error


def announce_after_commit(done: Appended) -> None:
    """Send ``appended`` once the transaction has committed, if events were appended."""
    partitions = _partitions(done)

    def announce() -> None:  # a function, for Django logs its name where it fails
        appended.send(sender=StoredEvent, partitions=partitions)

    if done.new:
        # Robust: the events stand, so whoever fails to hear of them must not fail the writer.
        transaction.on_commit(announce, robust=True)


async def aannounce(done: Appended) -> None:
    """Send ``appended``, if events were appended. Who fails to hear of it is logged."""
    if done.new:
        await appended.asend_robust(sender=StoredEvent, partitions=_partitions(done))


def _partitions(done: Appended) -> set[int]:
    return {partition_of(key.tenant_id) for key in done.versions}
