"""What organisations used over a span of days, in SQL: see usage.py."""

# A change Δ at t adds Δ × (until − t) to the integral; a row knows Σ Δ × (end of its day − t), and
# "ends" how much later than the span's start that is. A peak is where the span found the level, or
# a day's high above where the day found it. The latest is that of the greatest day: to order all
# rows by their days takes longer than to add them up.
PERIOD = """
WITH zone AS MATERIALIZED (
    SELECT * FROM unnest(
        %(zones)s::text[], %(ends)s::date[], %(spans)s::bigint[],
        %(starts_at)s::timestamptz[], %(ends_at)s::timestamptz[]
    ) AS zone (name, day_after, span, starts_at, ends_at)
), ends AS MATERIALIZED (
    SELECT * FROM unnest(%(day_zones)s::text[], %(days)s::date[], %(day_ends)s::bigint[])
        AS ends (name, day, at)
), usage AS NOT MATERIALIZED (
    SELECT usage.*, zone.name, zone.span
    FROM ({rows}) AS usage
    JOIN accounts_organisation AS owner ON owner.id = usage.organisation_id
    JOIN zone ON zone.name = owner.time_zone AND usage.day < zone.day_after
)
SELECT organisation_id, service_id, CASE aggregation
        WHEN 'level' THEN sum(CASE WHEN within
            THEN area + quantity * (span - ends.at) ELSE quantity * span END)
        WHEN 'max' THEN max(quantity)
        WHEN 'latest' THEN (
            max(ARRAY[usage.day - '2000-01-01'::date, quantity])
            FILTER (WHERE aggregation = 'latest')
        )[2]
        ELSE sum(quantity)
    END,
    CASE aggregation WHEN 'level' THEN sum(quantity) ELSE 0 END
FROM usage LEFT JOIN ends ON ends.name = usage.name AND ends.day = usage.day
WHERE aggregation NOT IN ('unique_count', 'peak')
GROUP BY organisation_id, service_id, aggregation
UNION ALL
SELECT organisation_id, service_id, greatest(
        CASE WHEN min(day) FILTER (WHERE within) > %(first)s OR NOT bool_or(within)
            THEN coalesce(sum(quantity) FILTER (WHERE NOT within), 0) END,
        max(reached) FILTER (WHERE within)
    ), sum(quantity)
FROM (
    SELECT *, high - quantity + sum(quantity) OVER (
        PARTITION BY organisation_id, service_id ORDER BY day
    ) AS reached
    FROM usage WHERE aggregation = 'peak'
) AS usage
GROUP BY organisation_id, service_id
UNION ALL
SELECT organisation_id, service_id, count(DISTINCT value), 0
FROM billing_uniquevalue
JOIN accounts_organisation AS owner ON owner.id = organisation_id
JOIN zone ON zone.name = owner.time_zone AND hour >= zone.starts_at AND hour < zone.ends_at
WHERE true {only}
GROUP BY organisation_id, service_id
"""

# Only of levels the days before are read; of some organisations their months (level_months.py).
# Each service is looked up by itself, so that it takes no longer for how many others there are.
OF_ALL = """
SELECT own.*, service.aggregation, own.day >= %(first)s AS within
FROM billing_dailyusage AS own JOIN billing_service AS service ON service.id = own.service_id
WHERE day >= %(first)s OR service.aggregation IN ('level', 'peak')
"""
OF_SOME = """
SELECT own.organisation_id, own.service_id, own.day, own.quantity, own.area, own.high,
    service.aggregation, own.day >= %(first)s AS within
FROM unnest(%(organisations)s::uuid[]) AS asked (owner)
CROSS JOIN billing_service AS service
CROSS JOIN LATERAL (
    SELECT * FROM billing_dailyusage
    WHERE organisation_id = asked.owner AND service_id = service.id
        AND day < %(last_end)s AND day >= CASE WHEN service.aggregation IN ('level', 'peak')
            THEN date_trunc('month', %(first)s::date)::date ELSE %(first)s END
    OFFSET 0
) AS own
UNION ALL
SELECT organisation_id, service_id, month, quantity, 0, 0, service.aggregation, false
FROM billing_levelmonth JOIN billing_service AS service ON service.id = service_id
WHERE organisation_id = ANY(%(organisations)s)
    AND month < date_trunc('month', %(first)s::date)::date
"""
ONLY = "AND organisation_id = ANY(%(organisations)s)"

# Where it is known how levels stood before, days before are not read: what they came to is one row.
OF_KNOWN = """
SELECT own.organisation_id, own.service_id, own.day, own.quantity, own.area, own.high,
    service.aggregation, true AS within
FROM unnest(%(organisations)s::uuid[]) AS asked (owner)
CROSS JOIN billing_service AS service
CROSS JOIN LATERAL (
    SELECT * FROM billing_dailyusage
    WHERE organisation_id = asked.owner AND service_id = service.id
        AND day >= %(first)s AND day < %(last_end)s
    OFFSET 0
) AS own
UNION ALL
SELECT owner, service.id, %(first)s - 1, level, 0, 0, service.aggregation, false
FROM unnest(%(level_owners)s::uuid[], %(level_services)s::bigint[], %(levels)s::numeric[])
    AS known (owner, service, level)
JOIN billing_service AS service ON service.id = known.service
"""
LEVELS_BEFORE = """
SELECT owner, service.id, own.earlier, own.later
FROM unnest(%(organisations)s::uuid[]) AS asked (owner)
CROSS JOIN billing_service AS service
CROSS JOIN LATERAL (
    SELECT sum(quantity) FILTER (WHERE is_earlier) AS earlier,
        sum(quantity) FILTER (WHERE is_later) AS later
    FROM (
        SELECT quantity, month < date_trunc('month', %(earlier)s::date) AS is_earlier,
            true AS is_later
        FROM billing_levelmonth
        WHERE organisation_id = asked.owner AND service_id = service.id
            AND month < date_trunc('month', %(later)s::date)::date
        UNION ALL
        SELECT quantity, true, false FROM billing_dailyusage
        WHERE organisation_id = asked.owner AND service_id = service.id
            AND day >= date_trunc('month', %(earlier)s::date)::date AND day < %(earlier)s
        UNION ALL
        SELECT quantity, false, true FROM billing_dailyusage
        WHERE organisation_id = asked.owner AND service_id = service.id
            AND day >= date_trunc('month', %(later)s::date)::date AND day < %(later)s
    ) AS change
    OFFSET 0
) AS own
WHERE service.aggregation IN ('level', 'peak') AND coalesce(own.earlier, own.later) IS NOT NULL
"""
