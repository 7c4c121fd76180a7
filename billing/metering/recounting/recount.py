"""Count usage anew from the raw events, in SQL that shares nothing with the saga's.

The rules are those that ``usage_tables.py``, ``fold.py``, ``slots.py`` and ``uploads.events``
describe, written a second time on purpose: what is wrong there does not hide itself here. Each
event is measured by itself, up to the end of its hour, its day and its month; and where figures are
no sums, the events are ordered in time.

All of it is one query for each partition, which writes nothing: a transaction that writes, even
into temporary tables, would hold the feed up at a gap for as long as it takes.
"""

# Filled before the snapshot is taken: payloads of archived events, and the days of time zones.
TABLES = """
CREATE TEMPORARY TABLE check_payload (position bigint PRIMARY KEY, data jsonb);
CREATE TEMPORARY TABLE check_zone (zone text PRIMARY KEY, slot bigint);
CREATE TEMPORARY TABLE check_day (
    zone text, day date, starts_at timestamptz, ends_at timestamptz, month_starts_at timestamptz,
    month_ends_at timestamptz, PRIMARY KEY (zone, starts_at)
);
"""
ZONES = "SELECT DISTINCT time_zone FROM accounts_organisation WHERE time_zone <> 'UTC'"

# Up to where the saga has come.
CHECKPOINTS = """
SELECT partition, position FROM eventstore_checkpoint WHERE consumer = %(consumer)s
ORDER BY partition
"""

# What a partition may have where no organisation is in it. Most of a small platform's have nothing,
# and to plan the query of one takes longer than to run it.
HAS_MORE = """
SELECT EXISTS (SELECT FROM billing_platformusage WHERE partition = %(partition)s) OR EXISTS (
    SELECT FROM eventstore_storedevent
    WHERE (partition, position) >= (%(partition)s, 0)
        AND (partition, position) <= (%(partition)s, %(until)s)
)
"""

# Rows are compared as a whole, as the index has them.
FOLDED = """
(event.partition, event.position) >= (%(partition)s, 0)
AND (event.partition, event.position) <= (%(partition)s, %(until)s)
AND (%(organisation)s::uuid IS NULL OR event.tenant_id = %(organisation)s)
AND NOT EXISTS (
    SELECT FROM eventstore_deadletter AS skipped
    WHERE skipped.consumer = %(consumer)s AND skipped.position = event.position
)
"""

# What services read of each event, and what takes it back, before or after it came. A definition
# lasts until the next one of its service starts. What none counts is of service 0, as the table of
# uncounted events has it.
USAGE = """
voided AS MATERIALIZED (
    SELECT DISTINCT event.tenant_id, event.data ->> 'source' AS source, event.data ->> 'id' AS id
    FROM eventstore_storedevent AS event WHERE event.type = 'usage.voided' AND {FOLDED}
), definition AS MATERIALIZED (
    SELECT one.*, service.aggregation, (
        SELECT min(later.starts_at) FROM billing_definition AS later
        WHERE later.service_id = one.service_id AND later.starts_at > one.starts_at
    ) AS next_starts_at
    FROM billing_definition AS one JOIN billing_service AS service ON service.id = one.service_id
    WHERE %(service)s::bigint IS NULL OR service_id = %(service)s
), raw AS (
    SELECT event.tenant_id AS organisation_id, event.occurred_at, event.position,
        payload.data -> 'data' AS data, definition.id AS definition_id,
        coalesce(definition.service_id, 0) AS service_id, definition.aggregation,
        voided.id IS NOT NULL AS is_void,
        definition.allows_negative OR definition.aggregation IN ('level', 'peak') AS may_fall,
        payload.data -> 'data' #> string_to_array(definition.quantity_path, '.') AS given
    FROM eventstore_storedevent AS event
    LEFT JOIN definition ON event.data ->> 'type' = ANY(definition.event_types)
        AND definition.starts_at <= event.occurred_at
        AND (next_starts_at IS NULL OR event.occurred_at < next_starts_at)
    LEFT JOIN voided ON voided.tenant_id = event.tenant_id
        AND voided.source = event.data ->> 'source' AND voided.id = event.data ->> 'id'
    LEFT JOIN check_payload AS archived ON archived.position = event.position
    CROSS JOIN LATERAL (SELECT coalesce(archived.data, event.data) AS data) AS payload
    WHERE event.type = 'usage.recorded' AND {FOLDED}
        AND (definition.id IS NOT NULL OR %(service)s::bigint IS NULL)
        AND event.data ->> 'type' <> 'catacloud.usage.voided'
), understood AS (
    SELECT raw.*, CASE
        WHEN aggregation = 'unique_count' THEN NULL
        WHEN aggregation = 'count' THEN 1
        WHEN jsonb_typeof(given) = 'number' THEN (given #>> '{}')::numeric
        WHEN jsonb_typeof(given) = 'string' AND given #>> '{}'
            ~ '^[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]{1,2})?$' AND (
                length(given #>> '{}') <= 40 OR given #>> '{}'
                ~ '^[-+]?[0-9]{1,40}([.][0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$'
            ) THEN (given #>> '{}')::numeric
        END AS quantity,
    CASE
        WHEN aggregation <> 'unique_count' OR given = '""' THEN NULL
        WHEN jsonb_typeof(given) = 'number' THEN trim_scale((given #>> '{}')::numeric)::text
        WHEN jsonb_typeof(given) = 'string' THEN given #>> '{}'
        END AS told
    FROM raw
), judged AS MATERIALIZED (
    SELECT organisation_id, service_id, definition_id, aggregation, occurred_at, position, is_void,
        quantity, CASE
            WHEN length(told) > 100 OR starts_with(told, 'sha256:')
                THEN 'sha256:' || encode(sha256(convert_to(told, 'UTF8')), 'hex')
            ELSE told END AS value, (
            SELECT jsonb_object_agg(dimension.name, CASE
                WHEN length(said) > 100 OR said ~ '^.{67}…[0-9a-f]{32}$'
                    THEN substr(said, 1, 67) || '…'
                    || substr(encode(sha256(convert_to(said, 'UTF8')), 'hex'), 1, 32)
                ELSE said END)
            FROM billing_dimension AS dimension
            CROSS JOIN LATERAL (
                SELECT coalesce(data #>> string_to_array(dimension.path, '.'), '') AS said
            ) AS group_value
            WHERE dimension.definition_id = understood.definition_id
        ) AS dimensions,
        (aggregation = 'count' OR told IS NOT NULL OR (
            quantity BETWEEN -1e30 AND 1e30 AND quantity = round(quantity, 12)
            AND (quantity >= 0 OR may_fall)
        )) IS TRUE AS counts
    FROM understood
), counted AS NOT MATERIALIZED (
    SELECT * FROM judged WHERE counts
), uncounted AS (
    SELECT organisation_id, service_id, (occurred_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS event_count
    FROM judged WHERE NOT counts AND NOT is_void GROUP BY 1, 2, 3
)
"""

# Values of dimensions that are not told apart are one.
GROUPED = """
grouped AS (
    SELECT organisation_id, service_id, aggregation, occurred_at, quantity, value, CASE
        WHEN dimensions IS NULL THEN '{}' ELSE (
            SELECT jsonb_object_agg(given.name, CASE WHEN EXISTS (
                SELECT FROM billing_dimensionvalue AS known
                WHERE known.organisation_id = counted.organisation_id
                    AND known.definition_id = counted.definition_id
                    AND known.name = given.name AND known.value = given.value
            ) THEN given.value ELSE '…' END)
            FROM jsonb_each_text(dimensions) AS given (name, value)
        ) END AS groups
    FROM counted WHERE NOT is_void
)
"""

# The table of uploads/events.py; %(unfinished)s is whether unfinished uploads count as well.
FILES = """
file_change AS (
    SELECT event.tenant_id, event.occurred_at, CASE event.type
        WHEN 'file.part_stored' THEN 0
        WHEN 'file.completed' THEN size - shared
        WHEN 'file.deleted' THEN shared - size
        ELSE 0 END AS of_files,
    CASE event.type
        WHEN 'file.part_stored' THEN size - replaced
        WHEN 'file.completed' THEN shared - size
        ELSE -unfinished END AS of_uploads
    FROM eventstore_storedevent AS event, LATERAL (
        SELECT coalesce((event.data ->> 'size')::numeric, 0) AS size,
            coalesce((event.data ->> 'shared')::numeric, 0) AS shared,
            coalesce((event.data ->> 'replaced_size')::numeric, 0) AS replaced,
            coalesce((event.data ->> 'unfinished_size')::numeric, 0) AS unfinished
    ) AS bytes
    WHERE event.type IN ('file.part_stored', 'file.completed', 'file.deleted', 'file.expired')
        AND {FOLDED}
), stored AS (
    SELECT tenant_id AS organisation_id, service.id AS service_id, 'level' AS aggregation,
        occurred_at, quantity, NULL AS value, '{}'::jsonb AS groups
    FROM file_change, billing_service AS service, LATERAL (
        SELECT of_files + CASE WHEN %(unfinished)s THEN of_uploads ELSE 0 END AS quantity
    ) AS changed
    WHERE service.slug = 'storage' AND quantity <> 0
        AND (%(service)s::bigint IS NULL OR service.id = %(service)s)
)
"""

# With the slot, the day and the month that each lies in by its organisation's clocks. Its day may
# begin or end half a day from that of UTC.
CHANGES = """
calendar AS MATERIALIZED (
    SELECT id AS organisation_id, time_zone AS zone, coalesce(slot, 3600000000) AS slot
    FROM accounts_organisation LEFT JOIN check_zone ON zone = time_zone
), change AS MATERIALIZED (
    SELECT either.*, aggregation = 'level' AS is_level, slot,
        to_timestamp(floor(moment / slot) * slot / 1000000) AS hour, moment,
        (occurred_at AT TIME ZONE 'UTC')::date AS utc_day,
        coalesce(local.day, (occurred_at AT TIME ZONE 'UTC')::date) AS day,
        coalesce(local.starts_at, date_trunc('day', occurred_at, 'UTC')) AS day_starts_at,
        extract(epoch FROM coalesce(
            local.ends_at, date_trunc('day', occurred_at, 'UTC') + interval '24 hours'
        )) * 1000000 AS day_ends,
        coalesce(local.month_starts_at, date_trunc('month', occurred_at, 'UTC')) AS month_starts_at,
        extract(epoch FROM coalesce(local.month_ends_at, (
            date_trunc('month', occurred_at AT TIME ZONE 'UTC') + interval '1 month'
        ) AT TIME ZONE 'UTC')) * 1000000 AS month_ends
    FROM (SELECT * FROM grouped UNION ALL SELECT * FROM stored) AS either
    JOIN calendar USING (organisation_id)
    LEFT JOIN LATERAL (
        SELECT * FROM check_day
        WHERE calendar.zone <> 'UTC' AND check_day.zone = calendar.zone
            AND check_day.starts_at <= occurred_at
        ORDER BY check_day.starts_at DESC LIMIT 1
    ) AS local ON true
    CROSS JOIN LATERAL (SELECT extract(epoch FROM occurred_at) * 1000000 AS moment) AS at
    WHERE (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s - interval '1 day')
        AND (%(before)s::timestamptz IS NULL OR occurred_at < %(before)s + interval '1 day')
)
"""
SUMS = """
summed AS MATERIALIZED (
    SELECT organisation_id, service_id, hour, groups, day, utc_day, sum(quantity) AS quantity,
        sum(CASE WHEN is_level THEN quantity * (slot - mod(moment, slot)) ELSE 0 END) AS to_hour,
        sum(CASE WHEN is_level THEN quantity * (day_ends - moment) ELSE 0 END) AS to_day,
        sum(CASE WHEN is_level THEN quantity * (86400000000 - mod(moment, 86400000000)) ELSE 0 END)
            AS to_utc_day,
        sum(CASE WHEN is_level THEN quantity * (month_ends - moment) ELSE 0 END) AS to_month,
        count(*) AS event_count
    FROM change WHERE aggregation IN ('sum', 'count', 'level')
    GROUP BY 1, 2, 3, 4, 5, 6
)
"""

# Figures that are no sums: by hour and group, of peaks by hour, by day, month, and day of UTC. A
# peak is the highest that the level stood above its start, after all changes of a moment; it stood
# at its start, unless it changed right then.
SLOTS = """
span AS (
    SELECT * FROM (
        SELECT 'hour' AS kind, hour AS starts_at, groups AS grouped, change.* FROM change
        UNION ALL SELECT 'peak', hour, NULL, * FROM change WHERE aggregation = 'peak'
        UNION ALL SELECT 'day', day_starts_at, NULL, * FROM change
        UNION ALL SELECT 'month', month_starts_at, NULL, * FROM change
        UNION ALL SELECT 'utc', date_trunc('day', occurred_at, 'UTC'), NULL, * FROM change
    ) AS each WHERE aggregation NOT IN ('sum', 'count', 'level')
), level AS (
    SELECT kind, organisation_id, service_id, starts_at, grouped, occurred_at,
        sum(sum(quantity)) OVER (
            PARTITION BY kind, organisation_id, service_id, starts_at, grouped ORDER BY occurred_at
        ) AS stands
    FROM span WHERE aggregation = 'peak' GROUP BY 1, 2, 3, 4, 5, 6
), peak AS (
    SELECT kind, organisation_id, service_id, starts_at, coalesce(grouped, 'null') AS grouped,
        greatest(max(stands), CASE WHEN min(occurred_at) > starts_at THEN 0 END) AS high
    FROM level GROUP BY 1, 2, 3, 4, 5
), figure AS (
    SELECT kind, organisation_id, service_id, starts_at, coalesce(grouped, 'null') AS grouped,
        min(day) AS day, CASE aggregation
            WHEN 'max' THEN max(quantity)
            WHEN 'latest' THEN (array_agg(quantity ORDER BY occurred_at DESC, quantity DESC))[1]
            WHEN 'unique_count' THEN count(DISTINCT value)
            ELSE sum(quantity) END AS quantity,
        max(occurred_at) AS last_at, count(*) AS event_count
    FROM span GROUP BY 1, 2, 3, 4, 5, aggregation
), slot AS MATERIALIZED (
    SELECT * FROM figure
    LEFT JOIN peak USING (kind, organisation_id, service_id, starts_at, grouped)
)
"""

# The first values of each dimension that came; also of what was taken back, for which are first
# does not depend on when that was.
VALUES = """
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY organisation_id, definition_id, name ORDER BY first
    ) AS nth
    FROM (
        SELECT organisation_id, service_id, definition_id, given.name, given.value,
            min(position) AS first
        FROM counted CROSS JOIN jsonb_each_text(dimensions) AS given (name, value)
        GROUP BY 1, 2, 3, 4, 5
    ) AS known
)
"""

COUNTED = ", ".join((USAGE, GROUPED, FILES, CHANGES, SUMS, SLOTS, VALUES)).replace(
    "{FOLDED}", FOLDED
)
