"""The rules that SQL can check: each yields a line for everything that breaks it."""

from collections.abc import Callable, Iterator

from django.conf import settings

from eventstore import registry
from eventstore.check_rows import Connection, rows, stream_name
from eventstore.store import partition_of


def _stream_versions(db: Connection) -> Iterator[str]:
    for tenant, stream, version, count, highest in rows(db, STREAM_VERSIONS):
        here = stream_name(tenant, stream)
        if version is None:
            yield f"{here} has {count} events and no stream row."
        elif highest != version:
            yield f"{here} stands at version {version}, its last event at {highest}."
        if count != highest:
            yield f"{here} has {count} events up to version {highest}: there are holes."


def _stream_types(db: Connection) -> Iterator[str]:
    known = registry.stream_types()
    for name, count in rows(db, STREAM_TYPES):
        if name not in known:
            yield f"{count} streams are of the type {name!r}, which is not registered."


def _positions_rise(db: Connection) -> Iterator[str]:
    for tenant, stream, version, position, earlier in rows(db, POSITIONS_IN_STREAMS):
        yield (
            f"{stream_name(tenant, stream)}, version {version}: its position {position} is not "
            f"above {earlier}, that of the version before."
        )


def _positions_unique(db: Connection) -> Iterator[str]:
    for position, count in rows(db, DOUBLED_POSITIONS):
        yield f"Position {position} is taken by {count} events."


def _partitions(db: Connection) -> Iterator[str]:
    for tenant, partition, count in rows(db, PARTITIONS):
        if partition != partition_of(tenant):
            yield (
                f"{count} events of tenant {tenant} are in partition {partition}, "
                f"not in {partition_of(tenant)}."
            )


def _table_partitions(db: Connection) -> Iterator[str]:
    for table, count in rows(db, TABLE_PARTITIONS):
        if count != settings.EVENTSTORE_PARTITIONS:
            yield (
                f"{table} has {count} table partitions, but EVENTSTORE_PARTITIONS is "
                f"{settings.EVENTSTORE_PARTITIONS}."
            )


def _snapshots_ahead(db: Connection) -> Iterator[str]:
    for tenant, stream, version, head in rows(db, SNAPSHOTS_AHEAD):
        stands = "there is no such stream" if head is None else f"the stream stands at {head}"
        yield f"{stream_name(tenant, stream)} has a snapshot at version {version}, but {stands}."


def _checkpoints_ahead(db: Connection) -> Iterator[str]:
    for consumer, partition, position, horizon in rows(db, CHECKPOINTS_AHEAD):
        yield (
            f"Consumer {consumer!r} stands at {position} in partition {partition}, ahead of the "
            f"horizon at {horizon}: it may have missed events."
        )


def _sequence_behind(db: Connection) -> Iterator[str]:
    for what, position, handed_out in rows(db, AHEAD_OF_THE_SEQUENCE):
        yield f"The {what} stands at {position}, the sequence of positions only at {handed_out}."


def _chain(db: Connection) -> Iterator[str]:
    for tenant, stream, version, what in rows(db, BROKEN_LINKS):
        yield f"{stream_name(tenant, stream)}, version {version}: {what}."


def _archives(db: Connection) -> Iterator[str]:
    for archive, tenant, place, events, held in rows(db, ARCHIVES):
        if tenant is None:
            yield f"{held} events say that archive {archive} has their payloads; there is none."
        elif held != events:
            yield f"Of the {events} events of tenant {tenant} in {place}, {held or 0} are there."
        else:
            yield f"Events of tenant {tenant} were changed after their archive {place} was made."


RULES: dict[str, Callable[[Connection], Iterator[str]]] = {
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
