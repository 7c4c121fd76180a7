"""What is different in an organisation's week or month: what comes on two days is in it once.

Days cannot tell, so the values themselves are counted, of the places of a chart alone.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db.models import BigIntegerField, IntegerField

from billing.dashboards.usage.days import Figure
from billing.metering.models import Service
from billing.periods import Days
from billing.together import Raw, Reading
from catacloud.accounts.models import Organisation

Distinct = Mapping[int, Mapping[Days, Figure]]
"""By the primary key of each service that is a unique count: what places have, but for zero."""


def reading_distinct(
    organisation: Organisation, services: Sequence[Service], places: Sequence[Days]
) -> Reading[Distinct]:
    """Read the counts of places, whose days are those of the organisation's zone."""
    counts = [one.pk for one in services if one.aggregation == Service.Aggregation.UNIQUE_COUNT]
    if not counts or not places:
        return {}
    asked = {
        "owner": organisation.pk,
        "services": counts,
        "starts": [one.starts_in(organisation.zone) for one in places],
        "ends": [one.ends_in(organisation.zone) for one in places],
    }
    [rows] = yield [Raw(DISTINCT, asked, COLUMNS, is_planned_once=True)]
    found: dict[int, dict[Days, Figure]] = {pk: {} for pk in counts}
    for service, number, count in rows:
        found[service][places[number - 1]] = Figure(Decimal(count))
    return found


COLUMNS = (BigIntegerField(), IntegerField(), BigIntegerField())
DISTINCT = """
SELECT service_id, number, count(DISTINCT value)
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
    WITH ORDINALITY AS place (starts_at, ends_at, number)
CROSS JOIN unnest(%(services)s::bigint[]) AS asked (service)
JOIN billing_uniquevalue ON organisation_id = %(owner)s AND service_id = asked.service
    AND hour >= starts_at AND hour < ends_at
GROUP BY service_id, number
"""
