"""Append to streams and read them, from code that blocks and, with an ``a``, from code that awaits.

What an append does is said once, in appending.py. The database's function ``eventstore_append`` can
do any of them; the shorter ways do nothing where something stands in theirs, and leave it to that.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Unpack

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.transaction import TransactionManagementError
from django.dispatch import Signal

from eventstore import appending, drivers, reading, streaming
from eventstore.appending import (
    Appended,
    OtherContent,
    StreamConflict,
    WrongStreamType,
)
from eventstore.drivers import AsyncConnection
from eventstore.events import Metadata, RecordedEvent, StreamKey
from eventstore.keyring import TenantShredded
from eventstore.models import StoredEvent
from eventstore.reading import ReadInterrupted, Window
from eventstore.rows import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    NewEvent,
    UnstorableEvent,
    partition_of,
)

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
    "UnstorableEvent",
    "Window",
    "WrongStreamType",
    "aappend",
    "alock",
    "append",
    "appended",
    "aread_stream",
    "lock",
    "partition_of",
    "read_stream",
]

appended = Signal()
"""Sent after the commit with ``partitions``, the set of those that got events. Only a hint."""

NO_TRANSACTION = "A lock lasts until its transaction ends, and there is none: begin one."


def append(appends: Iterable[Append], *, metadata: Metadata | None = None) -> Appended:
    """Append to any number of streams, all or nothing.

    Writers of one stream queue up; streams are locked in one order, so writers of many cannot
    deadlock. Raises StreamConflict, WrongStreamType, OtherContent, UnstorableEvent and
    TenantShredded; then nothing is written.
    """
    todo = appending.in_lock_order(appends)
    if not todo:
        return appending.NOTHING
    db = connections[DEFAULT_DB_ALIAS]
    with nullcontext() if len(todo) == 1 else transaction.atomic():
        done = drivers.run(appending.append(todo, metadata, autocommits=db.autocommit), db)
    if db.autocommit:
        announce(done)
    else:
        transaction.on_commit(partial(announce, done))
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
        flow = appending.append(todo, metadata, autocommits=drivers.autocommits(db))
        done = await drivers.arun(flow, db)
    if connection is None:
        await aannounce(done)
    return done


def lock(keys: Sequence[StreamKey]) -> dict[StreamKey, int]:
    """Lock streams until the transaction ends, creating what is missing; return their versions.

    Raises WrongStreamType, and TransactionManagementError where there is no transaction.
    """
    if transaction.get_autocommit():
        raise TransactionManagementError(NO_TRANSACTION)
    return drivers.run(appending.lock(keys))


async def alock(keys: Sequence[StreamKey], *, connection: AsyncConnection) -> dict[StreamKey, int]:
    """Lock as :func:`lock` does, in the transaction that the caller has on a connection."""
    if drivers.autocommits(connection):
        raise TransactionManagementError(NO_TRANSACTION)
    return await drivers.arun(appending.lock(keys), connection)


def read_stream(key: StreamKey, **window: Unpack[Window]) -> Iterator[RecordedEvent]:
    """Stream a stream's events from the server, oldest first if not ``backwards``.

    Memory is bounded at any length. Raises, after the events before it, UnreadableEvent at one that
    cannot be decoded, and ReadInterrupted where the database is lost.
    """
    return streaming.stream(reading.of_stream(key, window))


def aread_stream(
    key: StreamKey, *, connection: AsyncConnection | None = None, **window: Unpack[Window]
) -> AsyncGenerator[RecordedEvent, None]:
    """Stream a stream's events as :func:`read_stream` does.

    Who may stop early closes it (``contextlib.aclosing``): until then it has a connection.
    """
    return streaming.astream(reading.of_stream(key, window), given=connection)


def announce(done: Appended) -> None:
    """Send ``appended``, if events were appended. Who fails to hear of it is logged.

    They stand by then, so whoever fails to hear of them must not fail the writer.
    """
    if done.new:
        appended.send_robust(sender=StoredEvent, partitions=_partitions(done))


async def aannounce(done: Appended) -> None:
    """Send ``appended`` as :func:`announce` does."""
    if done.new:
        await appended.asend_robust(sender=StoredEvent, partitions=_partitions(done))


def _partitions(done: Appended) -> set[int]:
    return {partition_of(key.tenant_id) for key in done.versions}
