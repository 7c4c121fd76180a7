"""Load aggregates, and let them decide under the lock of their stream."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import msgspec
from django.db import connection, models, transaction
from django.db.models.functions import Cast

from eventstore import sql, store
from eventstore.aggregate import Aggregate
from eventstore.events import Metadata, RecordedEvent, StreamKey
from eventstore.models import Snapshot
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
    """Return the state: the newest snapshot, then only the events after it.

    Raises UnreadableEvent; nothing half-built is returned.
    """
    key = key_of(aggregate, tenant_id=tenant_id, stream_id=stream_id)
    loaded = _from_snapshots(aggregate, [key])[key]
    for recorded in store.read_stream(key, after_version=loaded.version):
        _apply(loaded, recorded)
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
        _save(
            {
                key: one
                for key, one in loaded.items()
                if one.version - one.snapshot_version >= aggregate.snapshot_every
            }
        )
    return loaded


def _load_locked(
    aggregate: type[A], versions: Mapping[StreamKey, int]
) -> dict[StreamKey, Loaded[A]]:
    loaded = _from_snapshots(aggregate, list(versions))
    behind = [key for key, one in loaded.items() if one.version < versions[key]]
    if behind:
        keys = {(key.tenant_id, key.stream_id): key for key in behind}
        columns = [[*column] for column in zip(*keys, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(sql.EVENTS_AFTER, [*columns, [loaded[key].version for key in behind]])
            for row in cursor:
                recorded = decode_row(row)
                _apply(loaded[keys[recorded.tenant_id, recorded.stream_id]], recorded)
    return loaded


def _apply(loaded: Loaded[A], recorded: RecordedEvent) -> None:
    loaded.state.apply(recorded.event)
    loaded.version = recorded.version


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


def _save(due: Mapping[StreamKey, Loaded[A]]) -> None:
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
