"""Days of all organisations together, of several services in one statement: see usage.py."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.metering.querying.daily import Changes, DayFigure, days_of, windows_of
from billing.periods import Days, day_of
from eventstore.cursors import binary_cursor

LEVELS = (Service.Aggregation.LEVEL, Service.Aggregation.PEAK)
NOTHING_KNOWN: Mapping[int, Decimal] = {}

# Each service by itself, for that is how the index has the days. Without a day: what stood before.
TOTALS = """
SELECT service_id, day, sum(quantity), sum(area), coalesce(sum(high), 0)
FROM billing_platformusage
WHERE service_id = ANY(%(services)s::bigint[]) AND day >= %(first)s AND day <= %(last)s
GROUP BY 1, 2
UNION ALL
SELECT service_id, NULL::date, sum(quantity), 0, 0 FROM billing_platformusage
WHERE service_id = ANY(%(levels)s::bigint[]) AND day < %(first)s GROUP BY 1
"""


def daily_totals(
    *,
    services: Sequence[Service],
    days: Days,
    now: datetime,
    openings: Mapping[int, Decimal] = NOTHING_KNOWN,
) -> dict[int, list[DayFigure]]:
    """Return by service a row for every day of UTC up to today; none where it was never used.

    Who knows the level of one before the first day spares reading all that changed it.
    """
    levels = [one.pk for one in services if one.aggregation in LEVELS and one.pk not in openings]
    asked: dict[str, Any] = {
        "services": [one.pk for one in services],
        "levels": levels,
        "first": days.first,
        "last": min(days.last, day_of(now)),
    }
    used: defaultdict[int, dict[date, Changes]] = defaultdict(dict, {pk: {} for pk in openings})
    before = dict(openings)
    with binary_cursor() as cursor:
        cursor.execute(TOTALS, asked)
        for service, day, quantity, area, high in cursor.fetchall():
            if day is None:
                before[service] = quantity
            else:
                used[service][day] = quantity, area, high
    windows = windows_of(days, now, UTC)
    found = used.keys() | before.keys()
    with exactly():
        return {
            one.pk: list(days_of(None, one, windows, used[one.pk], before.get(one.pk, ZERO)))
            for one in services
            if one.pk in found
        }
