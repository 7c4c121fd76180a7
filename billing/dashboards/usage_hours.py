"""The hours of one organisation's day, read in one statement, as usage_reads reads days.

An hour is one of the day's clock, counted from the day's start, so that each has its number: where
clocks change there are 23 or 25 of them. Peaks are known by the day only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection

from billing.dashboards.usage_reads import (
    DAY,
    GROUP,
    NONE,
    Figure,
    Row,
    Windows,
    groups_of,
    of_slots,
    sorted_out,
)
from billing.exact import exactly
from billing.metering.models import Service
from billing.periods import ONE_DAY, microseconds, slot_of, start_of
from catacloud.accounts.models import Organisation

ONE_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class UsageHours:
    """By the service's primary key: the hours that have begun, by when they start."""

    hours: Mapping[int, Mapping[datetime, Figure]]
    groups: Mapping[int, Mapping[str, Mapping[datetime, Figure]]] = field(default_factory=dict)


def hours_of(day: date, organisation: Organisation) -> list[datetime]:
    """Return when each hour of a day starts, in UTC, and at last when the day ends."""
    start, end = (start_of(one, organisation.zone) for one in (day, day + ONE_DAY))
    return [*(start + ONE_HOUR * n for n in range(-(-(end - start) // ONE_HOUR))), end]


def read_hours(
    organisation: Organisation,
    services: Sequence[Service],
    *,
    day: date,
    by: str = "",
    grouped: Sequence[Service] = (),
    now: datetime,
) -> UsageHours:
    starts = hours_of(day, organisation)
    windows: Windows = list(zip(starts, starts, starts[1:], strict=False))
    rows = sorted_out(_execute(organisation, services, day, starts, by, grouped))
    with exactly():
        return UsageHours(
            hours={
                one.pk: of_slots(one, rows.get((DAY, one.pk, ""), NONE), windows, now)
                for one in services
                if one.aggregation != Service.Aggregation.PEAK
            },
            groups={one.pk: groups_of(one, rows, windows, now) for one in grouped},
        )


def _execute(
    organisation: Organisation,
    services: Sequence[Service],
    day: date,
    starts: Sequence[datetime],
    by: str,
    grouped: Sequence[Service],
) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            HOURS,
            {
                "owner": organisation.pk,
                "services": [one.pk for one in services],
                "levels": [one.pk for one in services if one.is_level],
                "day": day,
                "starts": list(starts[:-1]),
                "since": starts[0],
                "until": starts[-1],
                "by": by,
                "grouped": [one.pk for one in grouped],
                "grouped_levels": [one.pk for one in grouped if one.is_level],
                "slot": microseconds(slot_of(organisation.zone)),
            },
        )
        return [Row(*row) for row in cursor.fetchall()]


HOURS = f"""
WITH slot AS (
    SELECT usage.*, aggregation, width_bucket(hour, %(starts)s::timestamptz[]) - 1 AS number
    FROM billing_hourlyusage AS usage JOIN billing_service AS service ON service.id = service_id
    WHERE organisation_id = %(owner)s AND service_id = ANY(%(services)s::bigint[])
        AND hour >= %(since)s AND hour < %(until)s AND event_count > 0
)
SELECT {DAY}, service_id, '', number, CASE aggregation
        WHEN 'max' THEN max(quantity)
        WHEN 'latest' THEN (array_agg(quantity ORDER BY last_at DESC, quantity DESC))[1]
        ELSE sum(quantity)
    END, sum(area), sum(quantity * (extract(epoch FROM hour) * 1000000 + %(slot)s))
FROM slot WHERE aggregation NOT IN ('unique_count', 'peak') GROUP BY service_id, number, aggregation
UNION ALL
SELECT {DAY}, service_id, '', width_bucket(hour, %(starts)s::timestamptz[]) - 1,
    count(DISTINCT value), 0, 0
FROM billing_uniquevalue
WHERE organisation_id = %(owner)s AND service_id = ANY(%(services)s::bigint[])
    AND hour >= %(since)s AND hour < %(until)s
GROUP BY 2, 4
UNION ALL
SELECT {DAY}, service_id, '', -1, sum(quantity), 0, 0 FROM billing_dailyusage
WHERE organisation_id = %(owner)s AND service_id = ANY(%(levels)s::bigint[]) AND day < %(day)s
GROUP BY service_id
UNION ALL
SELECT {GROUP}, service_id, coalesce(groups ->> %(by)s, ''), number, sum(quantity), sum(area),
    sum(quantity * (extract(epoch FROM hour) * 1000000 + %(slot)s))
FROM slot WHERE service_id = ANY(%(grouped)s::bigint[]) GROUP BY 2, 3, 4
UNION ALL
SELECT {GROUP}, service_id, coalesce(groups ->> %(by)s, ''), -1, sum(quantity), 0, 0
FROM billing_hourlyusage
WHERE organisation_id = %(owner)s AND service_id = ANY(%(grouped_levels)s::bigint[])
    AND hour < %(since)s
GROUP BY 2, 3
"""  # noqa: S608 (constants only)
