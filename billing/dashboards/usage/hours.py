"""The hours of one organisation's day, read in one statement, as usage_reads reads days.

An hour is one of the day's clock, counted from the day's start, so that each has its number: where
clocks change there are 23 or 25 of them. Peaks are known by the day only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection

from billing.dashboards.usage.days import (
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
    """By the service's primary key: the hours that have begun, and those of each value."""

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
    grouped: Collection[tuple[int, str]] = (),
    now: datetime,
) -> UsageHours:
    starts = hours_of(day, organisation)
    windows: Windows = list(zip(starts, starts, starts[1:], strict=False))
    rows = sorted_out(_execute(organisation, services, day, starts, grouped))
    with exactly():
        return UsageHours(
            hours={
                one.pk: of_slots(one, rows.get((DAY, one.pk, ""), NONE), windows, now)
                for one in services
                if one.aggregation != Service.Aggregation.PEAK
            },
            groups={
                one.pk: groups_of(one, name, rows, windows, now)
                for one in services
                for pk, name in grouped
                if pk == one.pk
            },
        )


def _execute(
    organisation: Organisation,
    services: Sequence[Service],
    day: date,
    starts: Sequence[datetime],
    grouped: Collection[tuple[int, str]],
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
                "grouped": [pk for pk, _ in grouped],
                "names": [name for _, name in grouped],
                "slot": microseconds(slot_of(organisation.zone)),
            },
        )
        return list(cursor.fetchall())


HOURS = f"""
WITH asked AS (
    SELECT * FROM unnest(%(grouped)s::bigint[], %(names)s::text[]) AS asked (service, name)
), slot AS (
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
SELECT {GROUP}, service_id, name || '=' || coalesce(groups ->> name, ''), number, sum(quantity),
    sum(area), sum(quantity * (extract(epoch FROM hour) * 1000000 + %(slot)s))
FROM slot JOIN asked ON asked.service = service_id GROUP BY 2, 3, 4
UNION ALL
SELECT {GROUP}, service_id, name || '=' || coalesce(groups ->> name, ''), -1, sum(quantity), 0, 0
FROM billing_hourlyusage JOIN asked ON asked.service = service_id
WHERE organisation_id = %(owner)s AND service_id = ANY(%(levels)s::bigint[]) AND hour < %(since)s
GROUP BY 2, 3
"""  # noqa: S608 (constants only)
