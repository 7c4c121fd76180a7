"""The statements of the store, for its sync and its async side."""

GIVEN = """
SELECT * FROM ROWS FROM (json_to_recordset(%(events)s::json) AS (
    partition smallint, tenant_id uuid, stream_id uuid, event_id uuid, given_id boolean,
    type text, schema_version smallint, data jsonb, occurred_at timestamptz
)) WITH ORDINALITY AS given (
    partition, tenant_id, stream_id, event_id, given_id,
    type, schema_version, data, occurred_at, nth
)
"""

# Positions are taken in the order of the rows, after the lock and the version check; so they rise
# with the versions of a stream. The lock gave the transaction its id, which the feed's fence needs.
INSERT_FRESH = """
INSERT INTO eventstore_storedevent (
    partition, tenant_id, stream_id, version, event_id,
    type, schema_version, data, occurred_at, metadata, position
)
SELECT
    partition, tenant_id, stream_id, version, event_id,
    type, schema_version, data, occurred_at, %(metadata)s::jsonb, nextval('eventstore_position')
FROM (SELECT * FROM fresh ORDER BY nth) AS ordered
"""

APPEND_TO_LOCKED = """
WITH given AS (GIVEN), fresh AS (
    SELECT given.*, stream.version + row_number() OVER (
        PARTITION BY given.tenant_id, given.stream_id ORDER BY nth
    ) AS version
    FROM given JOIN eventstore_stream AS stream USING (tenant_id, stream_id)
    WHERE NOT (given_id AND EXISTS (
        SELECT FROM eventstore_storedevent AS stored
        WHERE stored.tenant_id = given.tenant_id AND stored.stream_id = given.stream_id
            AND stored.event_id = given.event_id
    ))
), advanced AS (
    UPDATE eventstore_stream AS stream SET version = head.version
    FROM (SELECT tenant_id, stream_id, max(version) AS version FROM fresh GROUP BY 1, 2) AS head
    WHERE stream.tenant_id = head.tenant_id AND stream.stream_id = head.stream_id
)
INSERT_FRESH
""".replace("INSERT_FRESH", INSERT_FRESH).replace("GIVEN", GIVEN)

# A row lock inside a statement sees the row's newest version, also one that was committed while it
# waited; everything else in the statement sees what stood when it began.
APPEND_AT_ONCE = """
WITH locked AS (
    SELECT version, type FROM eventstore_stream
    WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s FOR UPDATE
), head AS (
    SELECT version FROM locked
    WHERE type = %(type)s AND version = coalesce(%(expected)s::bigint, version)
), advanced AS (
    UPDATE eventstore_stream AS stream SET version = head.version + %(count)s
    FROM head WHERE stream.tenant_id = %(tenant)s AND stream.stream_id = %(stream)s
), fresh AS (
    SELECT given.*, head.version + nth AS version
    FROM head, (GIVEN) AS given
)
INSERT_FRESH
""".replace("INSERT_FRESH", INSERT_FRESH).replace("GIVEN", GIVEN)

CREATE_STREAMS = """
INSERT INTO eventstore_stream (tenant_id, stream_id, type, version)
SELECT *, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[])
ON CONFLICT DO NOTHING
"""

EVENTS_AFTER = """
SELECT stored.tenant_id, stored.stream_id, stored.version, stored.position, stored.event_id,
    stored.occurred_at, stored.recorded_at, stored.type, stored.schema_version,
    stored.metadata::text, stored.data::text
FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[]) AS given (tenant_id, stream_id, version)
JOIN eventstore_storedevent AS stored
    ON stored.tenant_id = given.tenant_id AND stored.stream_id = given.stream_id
    AND stored.version > given.version
ORDER BY stored.tenant_id, stored.stream_id, stored.version
"""
