"""The SQL of queries: what usage there is of one service, from its hours or from its events.

Both sources give the same columns, in pieces: whose they are, ``at`` what time, and with which
groups; ``quantity``, and of a level ``area``, its integral up to ``until``; of a unique count
``value``; and ``last_at``, when the newest event of it was. So what comes after cannot tell which
one they are from. Events count as far as the saga has come, as they do in the hours.
"""

from billing.metering.backlog import IN_BACKLOG
from billing.metering.folding.groups import OTHERS
from billing.metering.folding.saga import CONSUMER
from billing.metering.restored import AS_READ, RESTORED

# The first and the last hour with usage, looked up in the index for each organisation.
EXTENT = """
SELECT min(span.first), max(span.last) + interval '1 hour'
FROM unnest(%(owners)s::uuid[]) AS owner (id) CROSS JOIN LATERAL (
    SELECT min(hour) AS first, max(hour) AS last FROM billing_hourlyusage
    WHERE organisation_id = owner.id AND service_id = %(service)s
) AS span
"""

HOURS = """
SELECT organisation_id, hour AS at,
    hour + CASE WHEN organisation_id = ANY(%(quarters)s::uuid[])
        THEN interval '15 minutes' ELSE interval '1 hour' END AS until,
    quantity, area, last_at, '' AS value, groups
FROM billing_hourlyusage
WHERE service_id = %(service)s AND organisation_id = ANY(%(owners)s::uuid[])
    AND event_count > 0 AND hour >= %(since)s AND hour < %(before)s
"""
VALUES = """
SELECT organisation_id, hour AS at, hour + interval '1 hour' AS until, 0::numeric AS quantity,
    0::numeric AS area, hour AS last_at, value, groups
FROM billing_uniquevalue
WHERE service_id = %(service)s AND organisation_id = ANY(%(owners)s::uuid[])
    AND hour >= %(since)s AND hour < %(before)s
"""

SPANS = """unnest(%(span_owners)s::uuid[], %(sinces)s::timestamptz[], %(befores)s::timestamptz[])
    AS span (owner, since, before)"""

# A dimension's value counts by itself where the saga told it apart; else with the others.
# OFFSET 0 keeps the planner from reading all events first, for it cannot know how short spans are.
EVENTS = f"""
SELECT * FROM (
    WITH counting AS MATERIALIZED (
        SELECT * FROM billing_counting WHERE service_id = %(service)s
    ), folded AS MATERIALIZED (
        SELECT * FROM eventstore_checkpoint WHERE consumer = '{CONSUMER}'
    )
    SELECT event.tenant_id AS organisation_id, event.occurred_at AS at, event.occurred_at AS until,
        CASE WHEN counting.is_count THEN 1
            WHEN counting.aggregation = 'unique_count' THEN 0
            ELSE billing_quantity(
                event.data -> 'data' #> counting.keys, counting.may_be_negative
            ) END AS quantity,
        0::numeric AS area, event.occurred_at AS last_at,
        CASE WHEN counting.aggregation = 'unique_count'
            THEN billing_value(event.data -> 'data' #> counting.keys) ELSE '' END AS value,
        CASE WHEN counting.dimensions IS NULL THEN '{{}}' ELSE (
            SELECT jsonb_object_agg(name, CASE WHEN EXISTS (
                SELECT FROM billing_dimensionvalue AS known
                WHERE known.organisation_id = event.tenant_id
                    AND known.definition_id = counting.definition_id
                    AND known.name = given.name AND known.value = given.value
            ) THEN value ELSE '{OTHERS}' END)
            FROM jsonb_each_text(billing_groups(event.data -> 'data', counting.dimensions))
                AS given (name, value)
        ) END AS groups
    FROM {SPANS}
    CROSS JOIN LATERAL (
        SELECT {AS_READ} FROM eventstore_storedevent AS stored LEFT JOIN {RESTORED}
        WHERE stored.tenant_id = span.owner AND stored.type = 'usage.recorded'
            AND stored.occurred_at >= span.since AND stored.occurred_at < span.before
        OFFSET 0
    ) AS event
    JOIN counting ON counting.event_type = event.data ->> 'type'
        AND event.occurred_at >= counting.starts_at AND event.occurred_at < counting.ends_at
        AND NOT {IN_BACKLOG}
    WHERE event.position <= (
        SELECT position FROM folded WHERE folded.partition = event.partition
    ) AND NOT EXISTS (
        SELECT FROM billing_voidedevent AS voided
        WHERE voided.organisation_id = event.tenant_id
            AND voided.stream_id = event.stream_id AND voided.event_id = event.event_id
    )
) AS read
WHERE quantity IS NOT NULL AND value IS NOT NULL
"""  # noqa: S608 (constants only)

# What uploads change is told in saga.py; %(unfinished)s is whether unfinished ones count.
FILES = f"""
SELECT event.tenant_id, event.occurred_at, event.occurred_at, change.bytes, 0, event.occurred_at,
    '', '{{}}'::jsonb
FROM {SPANS}
CROSS JOIN LATERAL (
    SELECT * FROM eventstore_storedevent AS stored
    WHERE stored.tenant_id = span.owner
        AND stored.type IN ('file.part_stored', 'file.completed', 'file.deleted', 'file.expired')
        AND stored.occurred_at >= span.since AND stored.occurred_at < span.before
    OFFSET 0
) AS event
JOIN eventstore_checkpoint AS folded ON folded.consumer = '{CONSUMER}'
    AND folded.partition = event.partition AND folded.position >= event.position
CROSS JOIN LATERAL (
    SELECT coalesce((event.data ->> 'size')::numeric, 0) AS size,
        coalesce((event.data ->> 'shared')::numeric, 0) AS shared,
        coalesce((event.data ->> 'replaced_size')::numeric, 0) AS replaced,
        coalesce((event.data ->> 'unfinished_size')::numeric, 0) AS unfinished
) AS said
CROSS JOIN LATERAL (
    SELECT CASE event.type
        WHEN 'file.part_stored' THEN (size - replaced) * %(unfinished)s::int
        WHEN 'file.completed' THEN (size - shared) * (1 - %(unfinished)s::int)
        WHEN 'file.deleted' THEN shared - size - unfinished * %(unfinished)s::int
        ELSE -unfinished * %(unfinished)s::int END AS bytes
) AS change
WHERE change.bytes <> 0
"""  # noqa: S608 (constants only)

# Of a window, by its number: 0 is what was before all of them.
FIGURES = """
WITH piece AS ({pieces})
SELECT width_bucket(at, %(starts)s::timestamptz[]) AS number, {owner} AS owner, {groups} AS values,
    min(at) AS first, max(at) AS last, {figure}
FROM piece WHERE {condition}
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
QUANTITY = "sum(quantity)"
GREATEST = "max(quantity)"
NEWEST = "(array_agg(quantity ORDER BY last_at DESC, quantity DESC))[1]"
UNIQUE = "count(DISTINCT value)::numeric"
# A window's integral is that of the level at its start, and Σ area + Σ quantity × (end − until).
LEVEL = "sum(quantity), sum(area), sum(quantity * extract(epoch FROM until) * 1000000)"

SINGLES = """
WITH piece AS ({pieces})
SELECT {owner} AS owner, quantity FROM piece WHERE {condition} ORDER BY 1, at, quantity
"""

# How a peak's level moves, in order: ``high`` is how far above where a move found it a move takes
# it. Changes of one moment are one move; an hour is one as well, where no groups are asked for.
MOVES = """
WITH piece AS ({pieces})
SELECT {owner} AS owner, {groups} AS values, at, sum(quantity) AS change, sum(quantity) AS high
FROM piece WHERE {condition}
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
HOURLY_MOVES = """
SELECT {owner} AS owner, ARRAY[]::text[] AS values, hour AS at, quantity AS change, high
FROM billing_peakhour
WHERE service_id = %(service)s AND organisation_id = ANY(%(owners)s::uuid[])
    AND hour < %(before)s
ORDER BY 1, 3
"""
