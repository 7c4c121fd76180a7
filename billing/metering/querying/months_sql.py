"""Months that are over, in SQL: see months.py."""

from billing.metering.querying.period_sql import OF_KNOWN, ONLY, PERIOD
from billing.metering.usage_months import HOLDS

READ = f"""
SELECT known.organisation_id, known.month, known.figures::text
FROM billing_usagemonth AS known
JOIN accounts_organisation AS organisation ON organisation.id = known.organisation_id
WHERE known.organisation_id = ANY(%(organisations)s) AND known.month = ANY(%(months)s) AND {HOLDS}
"""  # noqa: S608 (constants only)
COUNT = f"""
SELECT month, count(*)
FROM billing_usagemonth AS known
JOIN accounts_organisation AS organisation ON organisation.id = known.organisation_id
WHERE month = ANY(%(months)s) AND {HOLDS} GROUP BY month
"""  # noqa: S608 (constants only)

# Of all organisations, days lie beside each other by service: so many are read in a tenth of the
# time that it takes to look each of them up.
OF_ALL = """
SELECT own.*, service.aggregation, true AS within
FROM billing_dailyusage AS own JOIN billing_service AS service ON service.id = own.service_id
WHERE day >= %(first)s AND day < %(last_end)s
"""
# In one statement with the zone whose days they are.
ADD_UP = """
SELECT organisation.id, time_zone, coalesce(figures, '{{}}')::text
FROM accounts_organisation AS organisation
LEFT JOIN (
    SELECT organisation_id, jsonb_object_agg(
        service_id, jsonb_build_array(trim_scale(figure)::text, trim_scale(level)::text)
    ) AS figures
    FROM ({period}) AS used (organisation_id, service_id, figure, level) GROUP BY 1
) AS used ON used.organisation_id = organisation.id
WHERE time_zone = ANY(%(zones)s) {whose}
ORDER BY organisation.id
"""
ADD_UP_ALL = ADD_UP.format(period=PERIOD.format(rows=OF_ALL, only=""), whose="")
ADD_UP_THESE = ADD_UP.format(
    period=PERIOD.format(rows=OF_KNOWN, only=ONLY),
    whose="AND organisation.id = ANY(%(organisations)s)",
)
KEEP = """
INSERT INTO billing_usagemonth AS known (organisation_id, month, time_zone, seen, figures)
SELECT owner, %(month)s, zone, seen, figures::jsonb
FROM unnest(%(owners)s::uuid[], %(zones)s::text[], %(seen)s::bigint[], %(figures)s::text[])
    AS new (owner, zone, seen, figures)
ON CONFLICT (organisation_id, month) DO UPDATE SET
    time_zone = excluded.time_zone, seen = excluded.seen, figures = excluded.figures
WHERE known.seen <= excluded.seen
"""
