"""Load aggregates, and let them decide under the lock of their stream."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Generic, TypeVar
from uuid import UUID

import msgspec
from django.db import connection, models, transaction
from django.db.models.functions import Cast

from eventstore import sql, store
from eventstore.aggregate import Aggregate
from eventstore.cache import Entry, states
from eventstore.events import Metadata, RecordedEvent, StreamKey
from eventstore.models import Snapshot, StoredEvent
from eventstore.rows import decode_row
from eventstore.store import Append, NewEvent

A = TypeVar("A", bound=Aggregate)
Decide = Callable[[A], Sequence[NewEvent]]


class Loaded(msgspec.Struct, Generic[A]):
    """An aggregate's state at a version of its stream; version 0 where there is no stream."""

    state: A
    version: int
    snapshot_version: int = 0


def key_of(aggregate: type[Aggregate], *, tenant_id: UUID, stream_id: UUID) -> StreamKey:
    return StreamKey(tenant_id, stream_id, aggregate.stream_type)


def load(aggregate: type[A], *, tenant_id: UUID, stream_id: UUID) -> Loaded[A]:
    """Return the state: the cached one or the newest snapshot, then only the events after it.

    Raises UnreadableEvent; nothing half-built is returned or cached.
    """
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    cached = _from_cache(aggregate, key)
    if cached and not _is_recorded(key, cached.version):
        states.drop(key)  # ahead of the database: it was restored, or emptied
        cached = None
    loaded = cached or _from_snapshots(aggregate, [key])[key]
    if _replay(loaded, store.read_stream(key, after_version=loaded.version)) or not cached:
        _cache_after_commit({key: loaded})
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
        versions = store.lock(list(decisions))
        loaded = _load_locked(aggregate, versions)
        appends = [
            Append(key=key, events=decide(loaded[key].state)) for key, decide in decisions.items()
        ]
        store.append_locked(appends, versions, metadata=metadata)
        for item in appends:
            loaded[item.key].state.apply_all([new.event for new in item.events])
            loaded[item.key].version += len(item.events)
        _save_due(aggregate, loaded)
    _cache_after_commit(loaded)
    return loaded


def _load_locked(
    aggregate: type[A], versions: Mapping[StreamKey, int]
) -> dict[StreamKey, Loaded[A]]:
    loaded: dict[StreamKey, Loaded[A]] = {}
    for key, version in versions.items():
        cached = _from_cache(aggregate, key) if version else Loaded(aggregate(), 0)
        if cached and cached.version <= version:  # else ahead of the database
            loaded[key] = cached
    if unknown := [key for key in versions if key not in loaded]:
        loaded |= _from_snapshots(aggregate, unknown)
    behind = [key for key, version in versions.items() if loaded[key].version < version]
    if behind:
        _catch_up(loaded, behind)
    return loaded


def _catch_up(loaded: Mapping[StreamKey, Loaded[A]], behind: Sequence[StreamKey]) -> None:
    """Read the events after the states of several streams, in one statement, as they come."""
    keys = {(key.tenant_id, key.stream_id): key for key in behind}
    columns = [[*column] for column in zip(*keys, strict=True)]
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql.EVENTS_AFTER, [*columns, [loaded[key].version for key in behind]])
        for stream, rows in groupby(cursor, key=lambda row: (row[0], row[1])):
            _replay(loaded[keys[stream]], map(decode_row, rows))


def _replay(loaded: Loaded[A], events: Iterable[RecordedEvent]) -> int:
    """Apply events to a state; return how many there were."""
    before = loaded.version
    for recorded in events:
        loaded.state.apply(recorded.event)
        loaded.version = recorded.version
    replayed = loaded.version - before
    states.count_replayed(replayed)
    return replayed


def _from_cache(aggregate: type[A], key: StreamKey) -> Loaded[A] | None:
    entry = states.get(key, state_version=aggregate.state_version)
    if entry is None:
        return None
    state = msgspec.msgpack.decode(entry.state, type=aggregate)
    return Loaded(state, entry.version, entry.snapshot_version)


def _is_recorded(key: StreamKey, version: int) -> bool:
    return StoredEvent.objects.filter(pk=(key.tenant_id, key.stream_id, version)).exists()


def _cache_after_commit(loaded: Mapping[StreamKey, Loaded[A]]) -> None:
    """Cache states, as they are now, once what they are made of is durable."""
    entries = {
        key: Entry.of(one.state, version=one.version, snapshot_version=one.snapshot_version)
        for key, one in loaded.items()
        if one.version
    }
    if entries:
        transaction.on_commit(partial(states.put, entries))


def _from_snapshots(aggregate: type[A], keys: Sequence[StreamKey]) -> dict[StreamKey, Loaded[A]]:
    rows = (
        Snapshot.objects.filter(
            pk__in=[(key.tenant_id, key.stream_id) for key in keys],
            state_version=aggregate.state_version,
        )
        .annotate(text=Cast("state", models.TextField()))
        .values_list("tenant_id", "stream_id", "version", "text")
    )
    found = {(tenant, stream): (version, text) for tenant, stream, version, text in rows}
    loaded = {}
    for key in keys:
        version, text = found.get((key.tenant_id, key.stream_id), (0, "{}"))
        state = msgspec.json.decode(text, type=aggregate)
        loaded[key] = Loaded(state, version, version)
    return loaded


def _save_due(aggregate: type[A], loaded: Mapping[StreamKey, Loaded[A]]) -> None:
    """Write the snapshots that are due by the aggregate's policy."""
    due = {
        key: one
        for key, one in loaded.items()
        if one.version - one.snapshot_version >= aggregate.snapshot_every
    }
    Snapshot.objects.bulk_create(
        [
            Snapshot(
                tenant_id=key.tenant_id,
                stream_id=key.stream_id,
                version=one.version,
                state_version=one.state.state_version,
                state=msgspec.to_builtins(one.state, str_keys=True),
            )
            for key, one in due.items()
        ],
        update_conflicts=True,
        unique_fields=["tenant_id", "stream_id"],
        update_fields=["version", "state_version", "state"],
    )
    for one in due.values():
        one.snapshot_version = one.version
