"""Compare tables with what was counted anew (recount.py), in SQL.

Each look yields a row per difference: where it is, in words, and twice what differs, which is what
the table holds, and what the events make. That is an array: the quantity, the area, the high of a
peak and the number of events; NULL where it is not kept.
"""

from billing.metering.usage_months import HOLDS

NAMES = """
LEFT JOIN accounts_organisation AS organisation ON organisation.id = organisation_id
LEFT JOIN billing_service AS service ON service.id = service_id
"""
# Rows know their organisation, and all of one is in one partition.
SLICE = """
organisation_id = ANY(%(organisations)s)
AND (%(service)s::bigint IS NULL OR service_id = %(service)s)
"""
IN_HOURS = """
(%(since)s::timestamptz IS NULL OR hour >= %(since)s)
AND (%(before)s::timestamptz IS NULL OR hour < %(before)s)
"""
IN_DAYS = """
(%(first)s::date IS NULL OR day >= %(first)s) AND (%(end)s::date IS NULL OR day < %(end)s)
"""
IN_MONTHS = """
(%(first_month)s::date IS NULL OR month >= %(first_month)s)
AND (%(end_month)s::date IS NULL OR month < %(end_month)s)
"""
AT = """to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"')"""
# A row of zeros is as good as none.
HELD = """ARRAY[coalesce(held.quantity, 0), coalesce(held.area, 0), coalesce(held.high, 0),
    coalesce(held.event_count, 0)]"""
MADE = """ARRAY[coalesce(made.quantity, 0), coalesce(made.area, 0), coalesce(made.high, 0),
    coalesce(made.event_count, 0)]"""

HOURS = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, {AT}, nullif(groups::text, '{{}}')),
    {HELD}, {MADE}
FROM (SELECT * FROM billing_hourlyusage WHERE {SLICE} AND {IN_HOURS}) AS held
FULL JOIN (
    SELECT organisation_id, service_id, hour, groups, quantity, to_hour AS area,
        NULL::numeric AS high, NULL::timestamptz AS last_at, event_count
    FROM summed
    UNION ALL
    SELECT organisation_id, service_id, starts_at, grouped, quantity, 0, high, last_at, event_count
    FROM slot WHERE kind = 'hour'
) AS made USING (organisation_id, service_id, hour, groups)
{NAMES}
WHERE ({HELD} <> {MADE} OR held.last_at IS DISTINCT FROM made.last_at) AND {IN_HOURS}
"""  # noqa: S608 (constants only)

PEAKS = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, {AT}), {HELD}, {MADE}
FROM (SELECT *, 0 AS area FROM billing_peakhour WHERE {SLICE} AND {IN_HOURS}) AS held
FULL JOIN (
    SELECT *, starts_at AS hour, 0 AS area FROM slot WHERE kind = 'peak'
) AS made USING (organisation_id, service_id, hour)
{NAMES}
WHERE ({HELD} <> {MADE} OR held.last_at IS DISTINCT FROM made.last_at) AND {IN_HOURS}
"""  # noqa: S608 (constants only)

# Twice a number of values.
UNIQUE = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, {AT}, nullif(groups::text, '{{}}'),
        quote_literal(min(value) FILTER (WHERE held.at IS NULL OR made.at IS NULL))),
    ARRAY[count(held.at)::numeric], ARRAY[count(made.at)::numeric]
FROM (
    SELECT *, hour AS at FROM billing_uniquevalue WHERE {SLICE} AND {IN_HOURS}
) AS held
FULL JOIN (
    SELECT DISTINCT organisation_id, service_id, hour, groups, value, hour AS at
    FROM change WHERE aggregation = 'unique_count'
) AS made USING (organisation_id, service_id, hour, groups, value)
{NAMES}
WHERE {IN_HOURS}
GROUP BY organisation.slug, service.slug, hour, groups
HAVING count(*) FILTER (WHERE held.at IS NULL OR made.at IS NULL) > 0
"""  # noqa: S608 (constants only)

# Of an organisation's clocks; and those of UTC, of which the platform's are made.
MADE_DAYS = """
SELECT organisation_id, service_id, day, sum(quantity) AS quantity, sum(to_day) AS area,
    NULL::numeric AS high, sum(event_count) AS event_count
FROM summed GROUP BY 1, 2, 3
UNION ALL
SELECT organisation_id, service_id, day, quantity, 0, high, event_count
FROM slot WHERE kind = 'day'
"""
MADE_UTC_DAYS = """
SELECT service_id, utc_day AS day, quantity, to_utc_day AS area, NULL::numeric AS high, event_count
FROM summed
UNION ALL
SELECT service_id, (starts_at AT TIME ZONE 'UTC')::date, quantity, 0, high, event_count
FROM slot WHERE kind = 'utc'
"""
DAYS = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, day), {HELD}, {MADE}
FROM (SELECT * FROM billing_dailyusage WHERE {SLICE} AND {IN_DAYS}) AS held
FULL JOIN ({MADE_DAYS}) AS made USING (organisation_id, service_id, day)
{NAMES} WHERE {HELD} <> {MADE} AND {IN_DAYS}
"""  # noqa: S608 (constants only)

PLATFORM = f"""
SELECT concat_ws(', ', service.slug, day, 'partition ' || %(partition)s::int), {HELD}, {MADE}
FROM (
    SELECT * FROM billing_platformusage
    WHERE partition = %(partition)s AND {IN_DAYS}
        AND (%(service)s::bigint IS NULL OR service_id = %(service)s)
) AS held
FULL JOIN (
    SELECT service_id, day, sum(quantity) AS quantity, sum(area) AS area, sum(high) AS high,
        sum(event_count) AS event_count
    FROM ({MADE_UTC_DAYS}) AS days GROUP BY 1, 2
) AS made USING (service_id, day)
LEFT JOIN billing_service AS service ON service.id = service_id
WHERE {HELD} <> {MADE} AND {IN_DAYS}
"""  # noqa: S608 (constants only)

# By how much levels changed, which figures of later days begin with.
LEVEL_MONTHS = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, to_char(month, 'YYYY-MM')),
    ARRAY[coalesce(held.quantity, 0), 0, 0, NULL::numeric],
    ARRAY[coalesce(made.quantity, 0), 0, 0, NULL::numeric]
FROM (SELECT * FROM billing_levelmonth WHERE {SLICE}) AS held
FULL JOIN (
    SELECT organisation_id, service_id, date_trunc('month', day)::date AS month,
        sum(quantity) AS quantity
    FROM change WHERE aggregation IN ('level', 'peak') GROUP BY 1, 2, 3
) AS made USING (organisation_id, service_id, month)
{NAMES}
WHERE coalesce(held.quantity, 0) <> coalesce(made.quantity, 0) AND {IN_MONTHS}
"""  # noqa: S608 (constants only)

# Those that are kept: their figures as if no level had been before, and where it stood then.
USAGE_MONTHS = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, to_char(month, 'YYYY-MM')),
    ARRAY[coalesce(held.figure, 0), coalesce(held.level, 0)],
    ARRAY[coalesce(made.figure, 0), coalesce(made.level, 0)]
FROM (
    SELECT organisation_id, service_id::bigint, month, (each ->> 0)::numeric AS figure,
        (each ->> 1)::numeric AS level
    FROM kept_month CROSS JOIN jsonb_each(figures) AS used (service_id, each)
    WHERE %(service)s::bigint IS NULL OR service_id::bigint = %(service)s
) AS held
FULL JOIN (
    SELECT organisation_id, service_id, month, figure, level
    FROM (
        SELECT organisation_id, service_id, date_trunc('month', day)::date AS month,
            sum(CASE aggregation WHEN 'level' THEN to_month ELSE quantity END) AS figure,
            sum(CASE aggregation WHEN 'level' THEN quantity ELSE 0 END) AS level
        FROM summed JOIN billing_service AS service ON service.id = service_id GROUP BY 1, 2, 3
        UNION ALL
        SELECT organisation_id, service_id, date_trunc('month', day)::date,
            coalesce(high, quantity), CASE WHEN high IS NULL THEN 0 ELSE quantity END
        FROM slot WHERE kind = 'month'
    ) AS each JOIN kept_month USING (organisation_id, month)
) AS made USING (organisation_id, service_id, month)
{NAMES}
WHERE (coalesce(held.figure, 0), coalesce(held.level, 0))
    <> (coalesce(made.figure, 0), coalesce(made.level, 0))
"""  # noqa: S608 (constants only)
KEPT_MONTHS = f"""
kept_month AS MATERIALIZED (
    SELECT known.* FROM billing_usagemonth AS known
    JOIN accounts_organisation AS organisation ON organisation.id = known.organisation_id
    WHERE known.organisation_id = ANY(%(organisations)s) AND {HOLDS} AND {IN_MONTHS}
)
"""  # noqa: S608 (constants only)

# Twice whether a value is told apart, as 1 or 0.
VALUES = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, told.name || '=' || value),
    ARRAY[coalesce(is_known, 0)::numeric], ARRAY[coalesce(is_first, 0)::numeric]
FROM (
    SELECT organisation_id, service_id, definition_id, name, value, is_known, is_first
    FROM (SELECT *, 1 AS is_known FROM billing_dimensionvalue WHERE {SLICE}) AS held
    FULL JOIN (
        SELECT ranked.*, 1 AS is_first
        FROM ranked JOIN billing_dimension AS dimension USING (definition_id, name)
        WHERE nth <= dimension.at_most
    ) AS made USING (organisation_id, service_id, definition_id, name, value)
) AS told
{NAMES} WHERE is_known IS DISTINCT FROM is_first
"""  # noqa: S608 (constants only)

UNCOUNTED = f"""
SELECT concat_ws(', ', organisation.slug, coalesce(service.slug, 'no service'), day),
    ARRAY[coalesce(held.event_count, 0)::numeric], ARRAY[coalesce(made.event_count, 0)::numeric]
FROM (SELECT * FROM billing_uncountedday WHERE {SLICE} AND {IN_DAYS}) AS held
FULL JOIN uncounted AS made USING (organisation_id, service_id, day)
{NAMES} WHERE held.event_count IS DISTINCT FROM made.event_count AND {IN_DAYS}
"""  # noqa: S608 (constants only)

# An account's months are what its events add up to. They are committed with the checkpoint, so the
# snapshot has just those of what was counted.
METERED = """
SELECT tenant_id AS organisation_id, service.id AS service_id, slug, month.first::date AS month,
    sum((sums ->> 'quantity')::numeric) AS quantity, sum((sums ->> 'area')::numeric) AS area
FROM eventstore_storedevent AS event
CROSS JOIN jsonb_each(event.data -> 'months') AS month (first, services)
CROSS JOIN jsonb_each(month.services) AS used (slug, sums)
JOIN billing_service AS service USING (slug)
WHERE event.type = 'account.usage_metered'
    AND (%(service)s::bigint IS NULL OR service.id = %(service)s)
    {only}
GROUP BY 1, 2, 3, 4
"""
IN_PARTITION = """AND (partition, position) >= (%(partition)s, 0)
    AND (partition, position) < (%(partition)s + 1, 0) AND tenant_id = ANY(%(organisations)s)"""
ACCOUNTS = f"""
SELECT concat_ws(', ', organisation.slug, service.slug, to_char(month, 'YYYY-MM')),
    ARRAY[coalesce(held.quantity, 0), coalesce(held.area, 0), 0, NULL::numeric],
    ARRAY[coalesce(made.quantity, 0), coalesce(made.area, 0), 0, NULL::numeric]
FROM ({METERED.replace("{only}", IN_PARTITION)}) AS held
FULL JOIN (
    SELECT organisation_id, service_id, date_trunc('month', day)::date AS month,
        sum(quantity) AS quantity, sum(to_month) AS area
    FROM summed GROUP BY 1, 2, 3
) AS made USING (organisation_id, service_id, month)
{NAMES}
WHERE (coalesce(held.quantity, 0), coalesce(held.area, 0))
        <> (coalesce(made.quantity, 0), coalesce(made.area, 0))
    AND {IN_MONTHS}
"""  # noqa: S608 (constants only)

LOOKS = {
    "hours": HOURS,
    "peaks": PEAKS,
    "unique values": UNIQUE,
    "days": DAYS,
    "level months": LEVEL_MONTHS,
    "usage months": USAGE_MONTHS,
    "platform": PLATFORM,
    "values": VALUES,
    "uncounted": UNCOUNTED,
    "accounts": ACCOUNTS,
}
OF_ALL_ORGANISATIONS = frozenset({"platform"})
OF_ALL_TIME = frozenset({"values"})
