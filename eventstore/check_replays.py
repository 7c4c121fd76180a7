"""Decode every event, and replay the streams that have a snapshot, to compare the two."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

import msgspec

from eventstore import events as codec
from eventstore import registry, sealing, sql
from eventstore.aggregate import Aggregate
from eventstore.check_rows import CHUNK, Connection, Watch, rows, stream_name


class Row(NamedTuple):
    """An event as it is stored, with what the check wants to know of its stream."""

    tenant_id: UUID
    stream_id: UUID
    version: int
    position: int
    type: str
    schema_version: int
    data: str
    stream_type: str | None
    snapshot_version: int | None
    state_version: int | None
    state: str | None  # only at the event after which the snapshot was taken


def broken(db: Connection, watch: Watch) -> Iterator[str]:
    """Yield a line for each stream that cannot be read, or whose snapshot is not what it makes."""
    [[total]] = rows(db, "SELECT count(*) FROM eventstore_storedevent")
    stored = _counted(map(Row._make, rows(db, EVENTS)), total, watch)
    ring_of = lru_cache(maxsize=1)(partial(_ring, db))  # events come tenant by tenant
    for _, stream in groupby(stored, key=lambda row: (row.tenant_id, row.stream_id)):
        replay: Aggregate | None = None
        for row in stream:
            if row.version == 1:
                replay = _to_replay(row)
            try:
                event = _decoded(row, ring_of)
            except codec.UnreadableEvent as error:
                yield f"{stream_name(row.tenant_id, row.stream_id)}, version {row.version}: {error}"
                replay = None  # what follows would be compared with half a state
            if replay is not None and (finding := _replayed(replay, event, row)):
                yield finding
                replay = None


def _decoded(row: Row, ring_of: Callable[[UUID], sealing.Ring]) -> codec.Event:
    try:
        return codec.decode(name=row.type, version=row.schema_version, data=row.data)
    except codec.SealedEvent:
        place = sealing.Place(row.tenant_id, row.stream_id, row.type)
        data = sealing.open_data(row.data, place, ring_of(row.tenant_id))
        return codec.decode(name=row.type, version=row.schema_version, data=data)


def _ring(db: Connection, tenant: UUID) -> sealing.Ring:
    rows = db.execute(sql.KEYS, {"tenants": [tenant]})
    return {tenant: secret and sealing.Key(secret) for tenant, secret, _ in rows}


def _counted(rows: Iterator[Row], total: int, watch: Watch) -> Iterator[Row]:
    for done, row in enumerate(rows):
        if done % CHUNK == 0:
            watch("events", done, total)
        yield row
    watch("events", total, total)


def _to_replay(row: Row) -> Aggregate | None:
    """Return an empty aggregate where the stream has a snapshot that a load would use."""
    cls = registry.aggregate_of(row.stream_type or "")
    return cls() if cls and row.state_version == cls.state_version else None


def _replayed(state: Aggregate, event: codec.Event, row: Row) -> str | None:
    """Apply an event up to the snapshot, and compare there; return what is wrong."""
    if row.snapshot_version is None or row.version > row.snapshot_version:
        return None
    here = f"{stream_name(row.tenant_id, row.stream_id)}, version {row.version}"
    try:
        state.apply(event)
    except Exception as error:  # noqa: BLE001 - whatever an aggregate raises here is the finding
        return f"{here}: {type(state).__name__} cannot apply {row.type!r}: {error!r}"
    if row.state is None:
        return None
    try:
        saved = msgspec.json.decode(row.state, type=type(state))
    except msgspec.MsgspecError as error:
        return f"{here}: the snapshot cannot be read: {error}"
    return None if saved == state else f"{here}: the snapshot is not what its events make."


EVENTS = """
SELECT stored.tenant_id, stored.stream_id, stored.version, stored.position, stored.type,
    stored.schema_version, stored.data::text, stream.type, snapshot.version,
    snapshot.state_version,
    CASE WHEN snapshot.version = stored.version THEN snapshot.state::text END
FROM eventstore_storedevent AS stored
LEFT JOIN eventstore_stream AS stream USING (tenant_id, stream_id)
LEFT JOIN eventstore_snapshot AS snapshot USING (tenant_id, stream_id)
ORDER BY stored.tenant_id, stored.stream_id, stored.version
"""
