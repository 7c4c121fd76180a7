"""Days of many organisations and services in one statement: see usage.py for what they come to."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import repeat
from typing import NamedTuple
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.metering.querying.daily import Changes, days_of, windows_of
from billing.periods import Days, Zones
from eventstore.cursors import binary_cursor


class Asked(NamedTuple):
    """Whose days, and which: for each organisation its own."""

    organisation_id: UUID
    days: Days


Figures = Mapping[tuple[UUID, int], Sequence[Decimal]]
"""Of an organisation and a service the figure of each of its days up to today, where it has any."""


def figures_of_days(
    asked: Sequence[Asked], *, services: Sequence[Service], zones: Zones, now: datetime
) -> Figures:
    """Return what each day comes to, of services whose figures are sums or levels."""
    named = {one.pk: one for one in services}
    used, levels = _read(asked, named)
    windows_in = cache(lambda days, zone: windows_of(days, now, zone))
    found: dict[tuple[UUID, int], list[Decimal]] = {}
    with exactly():
        for number, service in used.keys() | levels.keys():
            owner, days = asked[number]
            windows = windows_in(days, zones.of(owner))
            its, level = used.get((number, service), {}), levels.get((number, service), ZERO)
            each = days_of(owner, named[service], windows, its, level)
            found[owner, service] = [day.figure for day in each]
    return found


Key = tuple[int, int]  # the place in what is asked, and the service
Used = Mapping[Key, Mapping[date, Changes]]


def _read(
    asked: Sequence[Asked], services: Mapping[int, Service]
) -> tuple[Used, Mapping[Key, Decimal]]:
    used: dict[Key, dict[date, Changes]] = {}
    levels: dict[Key, Decimal] = {}
    with binary_cursor() as cursor:
        cursor.execute(
            EACH,
            {
                "owners": [one.organisation_id for one in asked],
                "firsts": [one.days.first for one in asked],
                "ends": [one.days.end for one in asked],
                "services": list(services),
                "levels": [pk for pk, one in services.items() if one.is_level],
            },
        )
        for number, service, level, days, quantities, areas in cursor.fetchall():
            if days is None:
                levels[number - 1, service] = level
            else:
                changes = zip(quantities, areas or repeat(ZERO), repeat(ZERO), strict=False)
                used[number - 1, service] = dict(zip(days, changes, strict=True))
    return used, levels


# A level at the start of a day is all that changed before: by months, and by days of the last one.
EACH = """
WITH asked AS (
    SELECT * FROM unnest(%(owners)s::uuid[], %(firsts)s::date[], %(ends)s::date[])
        WITH ORDINALITY AS asked (owner, first, until, number)
)
SELECT number, service, NULL, days, quantities, areas
FROM asked CROSS JOIN unnest(%(services)s::bigint[]) AS service
CROSS JOIN LATERAL (
    SELECT array_agg(day) AS days, array_agg(quantity) AS quantities,
        CASE WHEN service = ANY(%(levels)s) THEN array_agg(area) END AS areas
    FROM billing_dailyusage
    WHERE organisation_id = owner AND service_id = service AND day >= first AND day < until
) AS own
WHERE days IS NOT NULL
UNION ALL
SELECT number, service, sum(quantity), NULL, NULL, NULL
FROM asked CROSS JOIN unnest(%(levels)s::bigint[]) AS service
CROSS JOIN LATERAL (
    SELECT quantity FROM billing_levelmonth
    WHERE organisation_id = owner AND service_id = service
        AND month < date_trunc('month', first)::date
    UNION ALL
    SELECT quantity FROM billing_dailyusage
    WHERE organisation_id = owner AND service_id = service
        AND day >= date_trunc('month', first)::date AND day < first
    OFFSET 0
) AS own
GROUP BY number, service
"""
