"""Look for what must not be: the event store's own rules, checked against everything it holds.

All of it is read in one snapshot of the database, on a connection of its own, so appends may go on
meanwhile. What SQL can compare is compared there; the events themselves are streamed once, to be
decoded and, where a stream has a snapshot, replayed. Memory does not grow with the store.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from django.conf import settings
from django.db import connection
from psycopg import IsolationLevel

from eventstore import events as codec
from eventstore import registry, sealing, sql
from eventstore.aggregate import Aggregate
from eventstore.store import partition_of

CHUNK = 2000  # rows that are held at a time

Connection = psycopg.Connection[tuple[Any, ...]]
Watch = Callable[[str, int, int], object]
"""Told what is being looked at, how much of it is done, and out of how much."""


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


def notes() -> Iterator[str]:
    """Yield a line for everything that looks wrong and is on record."""
    with _one_snapshot() as db:
        for tenant, by, reason, count, last in _rows(db, WITHDRAWALS):
            yield (
                f"Plain personal values of tenant {tenant} were withdrawn {count} times up to "
                f"{last:%Y-%m-%d}, by {by}: {reason}"
            )
        for tenant, count, last in _rows(db, ARCHIVED):
            yield (
                f"Payloads of {count} events of tenant {tenant} were archived, the last ones on "
                f"{last:%Y-%m-%d}."
            )


def findings(*, watch: Watch = lambda what, done, total: None) -> Iterator[str]:
    """Yield a line for everything that is wrong; nothing where all is well. Writes nothing."""
    with _one_snapshot() as db:
        for done, (what, look) in enumerate(LOOKS.items()):
            watch(what, done, len(LOOKS))
            yield from look(db)
        yield from _events(db, watch)


@contextmanager
def _one_snapshot() -> Iterator[Connection]:
    with psycopg.connect(**connection.get_connection_params()) as db:
        db.isolation_level, db.read_only = IsolationLevel.REPEATABLE_READ, True
        yield db


def _rows(db: Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    with db.cursor(name="eventstore_check") as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(sql)


def _stream_versions(db: Connection) -> Iterator[str]:
    for tenant, stream, version, count, highest in _rows(db, STREAM_VERSIONS):
        here = _name(tenant, stream)
        if version is None:
            yield f"{here} has {count} events and no stream row."
        elif highest != version:
            yield f"{here} stands at version {version}, its last event at {highest}."
        if count != highest:
            yield f"{here} has {count} events up to version {highest}: there are holes."


def _stream_types(db: Connection) -> Iterator[str]:
    known = registry.stream_types()
    for name, count in _rows(db, STREAM_TYPES):
        if name not in known:
            yield f"{count} streams are of the type {name!r}, which is not registered."


def _positions_rise(db: Connection) -> Iterator[str]:
    for tenant, stream, version, position, earlier in _rows(db, POSITIONS_IN_STREAMS):
        yield (
            f"{_name(tenant, stream)}, version {version}: its position {position} is not above "
            f"{earlier}, that of the version before."
        )


def _positions_unique(db: Connection) -> Iterator[str]:
    for position, count in _rows(db, DOUBLED_POSITIONS):
        yield f"Position {position} is taken by {count} events."


def _partitions(db: Connection) -> Iterator[str]:
    for tenant, partition, count in _rows(db, PARTITIONS):
        if partition != partition_of(tenant):
            yield (
                f"{count} events of tenant {tenant} are in partition {partition}, "
                f"not in {partition_of(tenant)}."
            )


def _table_partitions(db: Connection) -> Iterator[str]:
    for table, count in _rows(db, TABLE_PARTITIONS):
        if count != settings.EVENTSTORE_PARTITIONS:
            yield (
                f"{table} has {count} table partitions, but EVENTSTORE_PARTITIONS is "
                f"{settings.EVENTSTORE_PARTITIONS}."
            )


def _snapshots_ahead(db: Connection) -> Iterator[str]:
    for tenant, stream, version, head in _rows(db, SNAPSHOTS_AHEAD):
        stands = "there is no such stream" if head is None else f"the stream stands at {head}"
        yield f"{_name(tenant, stream)} has a snapshot at version {version}, but {stands}."


def _checkpoints_ahead(db: Connection) -> Iterator[str]:
    for consumer, partition, position, horizon in _rows(db, CHECKPOINTS_AHEAD):
        yield (
            f"Consumer {consumer!r} stands at {position} in partition {partition}, ahead of the "
            f"horizon at {horizon}: it may have missed events."
        )


def _sequence_behind(db: Connection) -> Iterator[str]:
    for what, position, handed_out in _rows(db, AHEAD_OF_THE_SEQUENCE):
        yield f"The {what} stands at {position}, the sequence of positions only at {handed_out}."


def _chain(db: Connection) -> Iterator[str]:
    for tenant, stream, version, what in _rows(db, BROKEN_LINKS):
        yield f"{_name(tenant, stream)}, version {version}: {what}."


def _archives(db: Connection) -> Iterator[str]:
    for archive, tenant, place, events, held in _rows(db, ARCHIVES):
        if tenant is None:
            yield f"{held} events say that archive {archive} has their payloads; there is none."
        elif held != events:
            yield f"Of the {events} events of tenant {tenant} in {place}, {held or 0} are there."
        else:
            yield f"Events of tenant {tenant} were changed after their archive {place} was made."


LOOKS: dict[str, Callable[[Connection], Iterator[str]]] = {
    "versions of streams": _stream_versions,
    "types of streams": _stream_types,
    "order of positions": _positions_rise,
    "doubled positions": _positions_unique,
    "partitions": _partitions,
    "table partitions": _table_partitions,
    "snapshots": _snapshots_ahead,
    "checkpoints": _checkpoints_ahead,
    "sequence": _sequence_behind,
    "chain": _chain,
    "archives": _archives,
}


def _events(db: Connection, watch: Watch) -> Iterator[str]:
    """Decode every event, and replay the streams that have a snapshot."""
    [[total]] = _rows(db, "SELECT count(*) FROM eventstore_storedevent")
    rows = _counted(map(Row._make, _rows(db, EVENTS)), total, watch)
    ring_of = lru_cache(maxsize=1)(partial(_ring, db))  # events come tenant by tenant
    for _, stream in groupby(rows, key=lambda row: (row.tenant_id, row.stream_id)):
        replay: Aggregate | None = None
        for row in stream:
            if row.version == 1:
                replay = _to_replay(row)
            try:
                event = _decoded(row, ring_of)
            except codec.UnreadableEvent as error:
                yield f"{_name(row.tenant_id, row.stream_id)}, version {row.version}: {error}"
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
    here = f"{_name(row.tenant_id, row.stream_id)}, version {row.version}"
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


def _name(tenant: UUID, stream: UUID) -> str:
    return f"Stream {stream} of tenant {tenant}"


STREAM_VERSIONS = """
SELECT tenant_id, stream_id, stream.version, coalesce(held.count, 0), coalesce(held.highest, 0)
FROM eventstore_stream AS stream
FULL JOIN (
    SELECT tenant_id, stream_id, count(*) AS count, max(version) AS highest
    FROM eventstore_storedevent GROUP BY tenant_id, stream_id
) AS held USING (tenant_id, stream_id)
WHERE stream.version IS DISTINCT FROM coalesce(held.highest, 0) OR held.count <> held.highest
"""

STREAM_TYPES = "SELECT type, count(*) FROM eventstore_stream GROUP BY type ORDER BY type"

POSITIONS_IN_STREAMS = """
SELECT * FROM (
    SELECT tenant_id, stream_id, version, position, lag(position) OVER (
        PARTITION BY tenant_id, stream_id ORDER BY version
    ) AS earlier
    FROM eventstore_storedevent
) AS followed
WHERE position <= earlier
"""

DOUBLED_POSITIONS = """
SELECT position, count(*) FROM eventstore_storedevent GROUP BY position HAVING count(*) > 1
"""

PARTITIONS = """
SELECT tenant_id, partition, count(*) FROM eventstore_storedevent GROUP BY tenant_id, partition
"""

# A table that is not partitioned is its own only partition.
TABLE_PARTITIONS = """
SELECT name, greatest(1, (SELECT count(*) FROM pg_inherits WHERE inhparent = name::regclass))
FROM unnest(ARRAY['eventstore_stream', 'eventstore_storedevent', 'eventstore_snapshot']) AS name
"""

SNAPSHOTS_AHEAD = """
SELECT tenant_id, stream_id, snapshot.version, stream.version
FROM eventstore_snapshot AS snapshot LEFT JOIN eventstore_stream AS stream
    USING (tenant_id, stream_id)
WHERE snapshot.version > coalesce(stream.version, 0)
"""

CHECKPOINTS_AHEAD = """
SELECT consumer, partition, checkpoint.position, coalesce(horizon.position, 0)
FROM eventstore_checkpoint AS checkpoint LEFT JOIN eventstore_horizon AS horizon ON true
WHERE checkpoint.position > coalesce(horizon.position, 0)
ORDER BY consumer, partition
"""

# The sequence knows no snapshot: it is read as it is now, so at or after all that we see.
AHEAD_OF_THE_SEQUENCE = """
SELECT what, stands.position, handed_out
FROM (
    SELECT 'horizon', max(position) FROM eventstore_horizon
    UNION ALL SELECT 'fence', max(fence_position) FROM eventstore_horizon
    UNION ALL SELECT 'last event', max(position) FROM eventstore_storedevent
) AS stands (what, position), (
    SELECT last_value - (NOT is_called)::int FROM eventstore_position
) AS sequence (handed_out)
WHERE stands.position > handed_out
"""

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

# Each link is compared with what its event and the link before it make, so that one change is one
# finding. Of events in a row that have no link, the first is named. While the chain is off, a
# stream may go on without links, but not have links again after that. An event may be another than
# it was if a record says that it became just this, when its tenant was shredded; or that its
# payload was archived: then ARCHIVES compares it.
BROKEN_LINKS = """
WITH chain AS (
    SELECT tenant_id, stream_id, version, digest, event_id,
        CASE version WHEN 1 THEN '' ELSE lag(digest) OVER (
            PARTITION BY tenant_id, stream_id ORDER BY version
        ) END AS given,
        max(version) FILTER (WHERE digest IS NOT NULL) OVER (
            PARTITION BY tenant_id, stream_id
        ) AS last_linked,
        eventstore_content(
            tenant_id, stream_id, version, event_id, type, schema_version, data, metadata,
            occurred_at, recorded_at
        ) AS content, data, position
    FROM eventstore_storedevent FULL JOIN eventstore_chainlink
        USING (tenant_id, stream_id, version)
)
SELECT tenant_id, stream_id, version, CASE
    WHEN event_id IS NULL THEN 'a link without an event'
    WHEN digest IS NULL THEN 'here the chain has no link; run eventstore_chain on'
    ELSE 'the event, or the link before it, was changed after it was linked'
END
FROM chain
WHERE event_id IS NULL
    OR (digest IS NULL AND given IS NOT NULL AND (version < last_linked OR EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'eventstore_storedevent'::regclass AND tgname = 'events_are_linked'
    )))
    OR (digest <> eventstore_link(NULL, given, content) AND NOT EXISTS (
        SELECT FROM eventstore_withdrawal AS withdrawal
        WHERE withdrawal.tenant_id = chain.tenant_id AND withdrawal.stream_id = chain.stream_id
            AND withdrawal.version = chain.version
            AND withdrawal.digest = sha256(convert_to(content, 'UTF8'))
    ) AND NOT EXISTS (
        SELECT FROM eventstore_archive AS archive
        WHERE archive.id::text = data #>> '{$archived,in}'
            AND archive.tenant_id = chain.tenant_id
            AND position BETWEEN archive.first_position AND archive.last_position
    ))
ORDER BY tenant_id, stream_id, version
"""

WITHDRAWALS = """
SELECT tenant_id, withdrawn_by, reason, count(*), max(withdrawn_at) FROM eventstore_withdrawal
GROUP BY tenant_id, withdrawn_by, reason ORDER BY tenant_id, max(withdrawn_at)
"""

# Of each archive's events, how many there are and whether they are as they were left.
ARCHIVES = """
SELECT coalesce(id_text, held.id), archive.tenant_id, archive.place, archive.events, held.events
FROM (SELECT *, eventstore_archive.id::text AS id_text FROM eventstore_archive) AS archive
FULL JOIN (
    SELECT data #>> '{$archived,in}' AS id, count(*) AS events,
        eventstore_chain('', eventstore_content(
            tenant_id, stream_id, version, event_id, type, schema_version, data, metadata,
            occurred_at, recorded_at
        ) ORDER BY position) AS digest
    FROM eventstore_storedevent WHERE data ? '$archived' GROUP BY 1
) AS held ON held.id = id_text
WHERE (held.events, held.digest) IS DISTINCT FROM (archive.events, archive.left_digest)
ORDER BY 2, 3
"""

ARCHIVED = """
SELECT tenant_id, sum(events), max(archived_at) FROM eventstore_archive
GROUP BY tenant_id ORDER BY tenant_id
"""
