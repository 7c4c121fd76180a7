"""Load aggregates, and let them decide: from code that blocks and, with an ``a``, that awaits."""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from django.db import transaction

from eventstore import cache, drivers, rehydrating, store
from eventstore.aggregate import Aggregate
from eventstore.drivers import AsyncConnection
from eventstore.events import Metadata, StreamKey
from eventstore.rehydrating import A, Decide, Executed
from eventstore.saving import Loaded

__all__ = [
    "Decide",
    "Loaded",
    "aexecute",
    "aexecute_many",
    "aexecute_optimistically",
    "aload",
    "execute",
    "execute_many",
    "execute_optimistically",
    "key_of",
    "load",
]

ATTEMPTS = 5  # of an optimistic command


def key_of(aggregate: type[Aggregate], *, tenant_id: UUID, stream_id: UUID) -> StreamKey:
    return StreamKey(tenant_id, stream_id, aggregate.stream_type)


def load(
    aggregate: type[A], *, tenant_id: UUID, stream_id: UUID, at_version: int | None = None
) -> Loaded[A]:
    """Return the state: the cached one or the newest snapshot, then only the events after it.

    With ``at_version`` it is the state that the first so many events make. Raises UnreadableEvent
    and ReadInterrupted; nothing half-built is returned or cached.
    """
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    loaded = drivers.run(rehydrating.load(aggregate, key, at_version))
    if at_version is None:
        _cache_after_commit({key: loaded})
    return loaded


async def aload(
    aggregate: type[A],
    *,
    tenant_id: UUID,
    stream_id: UUID,
    at_version: int | None = None,
    connection: AsyncConnection | None = None,
) -> Loaded[A]:
    """Load as :func:`load` does. On a connection of the caller's, nothing is cached."""
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    async with drivers.aconnection(connection) as db:
        loaded = await drivers.arun(rehydrating.load(aggregate, key, at_version), db)
    if connection is None and at_version is None:
        cache.states.put(rehydrating.entries({key: loaded}))
    return loaded


def execute(
    aggregate: type[A],
    *,
    tenant_id: UUID,
    stream_id: UUID,
    decide: Decide[A],
    metadata: Metadata | None = None,
) -> Loaded[A]:
    """Load under the stream's lock, decide, append, save the state if it is due; all or nothing.

    What ``decide`` raises is raised, and then nothing is written.
    """
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    return execute_many(aggregate, {key: decide}, metadata=metadata)[key]


def execute_many(
    aggregate: type[A],
    decisions: Mapping[StreamKey, Decide[A]],
    *,
    metadata: Metadata | None = None,
) -> dict[StreamKey, Loaded[A]]:
    """Execute for many aggregates in one transaction and as many round trips as for one."""
    if not decisions:
        return {}
    with transaction.atomic():
        done = drivers.run(rehydrating.execute(aggregate, decisions, metadata))
    return _finished(done)


async def aexecute(
    aggregate: type[A],
    *,
    tenant_id: UUID,
    stream_id: UUID,
    decide: Decide[A],
    metadata: Metadata | None = None,
    connection: AsyncConnection | None = None,
) -> Loaded[A]:
    """Execute as :func:`execute` does: on a connection of the pool, or in the caller's transaction.

    A caller that brings a connection sends ``store.appended`` itself, once it has committed.
    """
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    done = await aexecute_many(aggregate, {key: decide}, metadata=metadata, connection=connection)
    return done[key]


async def aexecute_many(
    aggregate: type[A],
    decisions: Mapping[StreamKey, Decide[A]],
    *,
    metadata: Metadata | None = None,
    connection: AsyncConnection | None = None,
) -> dict[StreamKey, Loaded[A]]:
    """Execute as :func:`execute_many` does; with a connection, as :func:`aexecute` does."""
    if not decisions:
        return {}
    async with drivers.aconnection(connection) as db, db.transaction():
        done = await drivers.arun(rehydrating.execute(aggregate, decisions, metadata), db)
    return await _afinished(done, connection)


def execute_optimistically(
    aggregate: type[A],
    *,
    tenant_id: UUID,
    stream_id: UUID,
    decide: Decide[A],
    metadata: Metadata | None = None,
    attempts: int = ATTEMPTS,
) -> Loaded[A]:
    """Load and decide without a lock; where another writer came between, do both again.

    For decisions that take long, or that few others make. ``decide`` may run several times. Raises
    StreamConflict after the last attempt. Outside a transaction the events stand before the state
    is saved, so a failure to save is only logged.
    """
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    flow = rehydrating.execute_optimistically(
        aggregate, {key: decide}, metadata, attempts, autocommit=transaction.get_autocommit()
    )
    return _finished(drivers.run(flow))[key]


async def aexecute_optimistically(
    aggregate: type[A],
    *,
    tenant_id: UUID,
    stream_id: UUID,
    decide: Decide[A],
    metadata: Metadata | None = None,
    attempts: int = ATTEMPTS,
    connection: AsyncConnection | None = None,
) -> Loaded[A]:
    """Execute as :func:`execute_optimistically` does."""
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    async with drivers.aconnection(connection) as db:
        flow = rehydrating.execute_optimistically(
            aggregate, {key: decide}, metadata, attempts, autocommit=drivers.autocommits(db)
        )
        done = await drivers.arun(flow, db)
    return (await _afinished(done, connection))[key]


def _finished(done: Executed[A]) -> dict[StreamKey, Loaded[A]]:
    transaction.on_commit(partial(store.announce, done.appended))
    _cache_after_commit(done.loaded)
    return done.loaded


async def _afinished(
    done: Executed[A], connection: AsyncConnection | None
) -> dict[StreamKey, Loaded[A]]:
    if connection is None:  # so it is committed
        cache.states.put(rehydrating.entries(done.loaded))
        await store.aannounce(done.appended)
    return done.loaded


def _cache_after_commit(loaded: Mapping[StreamKey, Loaded[A]]) -> None:
    """Cache states, as they are now, once what they are made of is durable."""
    if found := rehydrating.entries(loaded):
        transaction.on_commit(partial(cache.states.put, found))
