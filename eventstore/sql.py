"""The statements of the store. What an append does is the function of migration 0012."""

from functools import cache

# The most frequent append, of one event, without the way through JSON. It writes nothing where the
# stream is new or not at the version expected; APPEND then finds out which, and does it or says so.
_APPEND_EVENT = """
WITH advanced AS (
    UPDATE {streams} SET version = version + 1
    WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s AND type = %(type)s
        AND version = coalesce(%(expected)s, version){unless_there}
    RETURNING version{named}
)
INSERT INTO eventstore_storedevent (
    tenant_id, stream_id, partition, version, event_id,
    type, schema_version, data, occurred_at, metadata
)
SELECT %(tenant)s, %(stream)s, %(partition)s, version, {event_id},
    %(event)s, %(schema)s, %(data)s::jsonb, %(at)s, %(metadata)s::jsonb
FROM advanced
RETURNING version, recorded_at{found}
"""


# An event with an id must be new as well. The same that comes meanwhile is not seen here: it is the
# unique key that fails the statement then.
_UNLESS_THERE = """
        AND NOT EXISTS (
            SELECT FROM eventstore_storedevent
            WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s AND event_id = %(id)s
        )"""


@cache
def append_event(streams: str | None, *, identified: bool) -> str:
    """Return the append of one event, given the table of the tenant's streams (tables.py).

    Without it, it looks into all tables, and says in a third column which one had the stream.
    """
    return _APPEND_EVENT.format(
        streams=streams or "eventstore_stream",
        unless_there=_UNLESS_THERE if identified else "",
        event_id="%(id)s" if identified else "gen_random_uuid()",
        named="" if streams else ", tableoid::regclass::text AS streams",
        found="" if streams else ", (SELECT streams FROM advanced)",
    )


# All at once, in the order given, where all that comes is new and as expected (migration 0019). No
# row says that something is not, and that nothing was done.
APPEND_NEW = """
SELECT * FROM eventstore_append_new(%(streams)s::json, %(events)s::json, %(metadata)s::jsonb)
"""

# One call for each stream, in the order given, which is the order in which all writers lock.
APPEND = """
SELECT nth, result.*
FROM ROWS FROM (json_to_recordset(%(appends)s::json) AS (
    tenant uuid, stream uuid, type text, partition smallint, expected bigint,
    events json, identified boolean
)) WITH ORDINALITY AS item (tenant, stream, type, partition, expected, events, identified, nth),
eventstore_append(
    tenant, stream, type, partition, expected, events, identified, %(metadata)s::jsonb
) AS result
"""

LOCK = """
SELECT type, version FROM eventstore_stream
WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s FOR UPDATE
"""

LOCK_OR_CREATE = """
SELECT kind, head
FROM unnest(%(tenants)s::uuid[], %(streams)s::uuid[], %(types)s::text[])
    WITH ORDINALITY AS given (tenant, stream, type, nth),
eventstore_lock(tenant, stream, type, true)
ORDER BY nth
"""

EVENT = """
    tenant_id, stream_id, version, position, event_id, occurred_at, recorded_at, type,
    schema_version, metadata::text, data::text
"""

# Stream after stream, as many events as one page has. A lateral limit makes this a nested loop,
# which keeps the order; a replay checks that versions follow each other.
EVENTS_FROM = """
SELECT event.*
FROM unnest(%(tenants)s::uuid[], %(streams)s::uuid[], %(versions)s::bigint[])
    AS given (tenant, stream, first),
LATERAL (
    SELECT {EVENT} FROM eventstore_storedevent
    WHERE tenant_id = tenant AND stream_id = stream AND version >= first
    ORDER BY version LIMIT %(limit)s
) AS event
LIMIT %(limit)s
""".replace("{EVENT}", EVENT)

# The same of one stream. The server then picks the table's partition before it opens any.
EVENTS_OF = """
SELECT {EVENT} FROM eventstore_storedevent
WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s AND version >= %(version)s
ORDER BY version LIMIT %(limit)s
""".replace("{EVENT}", EVENT)

# One look into the primary key for each event: whatever number of events the planner expects, only
# that index has them in this order. With "version = at" it may take any index that has the stream.
EVENTS_AT = """
SELECT event.*
FROM unnest(%(tenants)s::uuid[], %(streams)s::uuid[], %(versions)s::bigint[])
    AS given (tenant, stream, at),
LATERAL (
    SELECT {EVENT} FROM eventstore_storedevent
    WHERE tenant_id = tenant AND stream_id = stream AND version BETWEEN at AND at
    ORDER BY version LIMIT 1
) AS event
ORDER BY tenant_id, stream_id, version
""".replace("{EVENT}", EVENT)

# The newest snapshots that may be used, each a row without a position, and the events after them:
# as many as one page has, or from the first one where a stream has no snapshot.
STATES = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(tenants)s::uuid[], %(streams)s::uuid[]) AS given (tenant, stream)
), saved AS MATERIALIZED (
    SELECT snapshot.* FROM given, LATERAL (
        SELECT tenant_id, stream_id, version, taken_at, state::text FROM eventstore_snapshot
        WHERE tenant_id = tenant AND stream_id = stream AND state_version = %(state_version)s
            AND version <= coalesce(%(at_version)s, version)
        LIMIT 1
    ) AS snapshot
)
SELECT tenant_id, stream_id, version, NULL::bigint, NULL::uuid, taken_at, taken_at, NULL::text,
    NULL::smallint, NULL::text, state
FROM saved
UNION ALL (
    SELECT event.*
    FROM given LEFT JOIN saved ON saved.tenant_id = tenant AND saved.stream_id = stream, LATERAL (
        SELECT {EVENT} FROM eventstore_storedevent
        WHERE tenant_id = tenant AND stream_id = stream
            AND eventstore_storedevent.version > coalesce(saved.version, 0)
        ORDER BY eventstore_storedevent.version LIMIT %(limit)s
    ) AS event
    LIMIT %(limit)s
)
""".replace("{EVENT}", EVENT)

# The same of one stream, as most loads ask for it.
STATE = """
WITH saved AS MATERIALIZED (
    SELECT tenant_id, stream_id, version, taken_at, state::text FROM eventstore_snapshot
    WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s AND state_version = %(state_version)s
        AND version <= coalesce(%(at_version)s, version)
)
SELECT tenant_id, stream_id, version, NULL::bigint, NULL::uuid, taken_at, taken_at, NULL::text,
    NULL::smallint, NULL::text, state
FROM saved
UNION ALL (
    SELECT {EVENT} FROM eventstore_storedevent
    WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s
        AND version > coalesce((SELECT version FROM saved), 0)
    ORDER BY version LIMIT %(limit)s
)
""".replace("{EVENT}", EVENT)

# Not for tenants that were shredded: the state may have been cached before that.
SAVE_SNAPSHOTS = """
INSERT INTO eventstore_snapshot AS saved
    (tenant_id, stream_id, version, state_version, state, taken_at)
SELECT tenant, stream, version, %(state_version)s, state, statement_timestamp()
FROM json_to_recordset(%(states)s::json) AS given (
    tenant uuid, stream uuid, version bigint, state jsonb
)
WHERE NOT EXISTS (SELECT FROM eventstore_tenantkey WHERE tenant_id = tenant AND key IS NULL)
ORDER BY tenant, stream
ON CONFLICT (tenant_id, stream_id) DO UPDATE SET version = excluded.version,
    state_version = excluded.state_version, state = excluded.state, taken_at = excluded.taken_at
WHERE saved.version < excluded.version OR saved.state_version <> excluded.state_version
RETURNING tenant_id, stream_id, taken_at
"""

# The last column is false for a key that this very transaction made.
KEYS = """
SELECT tenant_id, key, created_at <> now() FROM eventstore_tenantkey
WHERE tenant_id = ANY(%(tenants)s::uuid[])
"""

MAKE_KEYS = """
INSERT INTO eventstore_tenantkey (tenant_id, key, created_at)
SELECT tenant, key, now()
FROM unnest(%(tenants)s::uuid[], %(keys)s::bytea[]) AS given (tenant, key) ORDER BY tenant
ON CONFLICT DO NOTHING RETURNING tenant_id
"""
