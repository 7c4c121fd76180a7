"""Add sums to the rows of hours, days and the platform. Only the metrics saga does.

A row has at least one event: what was all taken back leaves none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from billing.metering.folding.fold import Cell, Hour, Sums
from billing.metering.usage_tables import GROUPS_KEY_SQL
from eventstore.cursors import binary_cursor


def add(
    hours: Mapping[Hour, Sums],
    days: Mapping[Cell, Sums],
    in_utc: Mapping[Cell, Sums],
    *,
    services: Mapping[str, int],
    partition: int,
) -> None:
    """Add what a batch of a partition's events changes; services are given by slug.

    The days of organisations are of their zones, ``in_utc`` has the platform's.
    """
    add_hours(hours, services=services)
    add_days(days, services=services)
    totals: defaultdict[tuple[str, date], Sums] = defaultdict(Sums)
    for cell, sums in in_utc.items():
        totals[cell.service, cell.day] += sums
    _execute(
        ADD_TOTALS,
        [
            (partition, services[service], day, *_columns(totals[service, day]))
            for service, day in sorted(totals)
        ],
    )


def add_hours(hours: Mapping[Hour, Sums], *, services: Mapping[str, int]) -> None:
    # Sorted, so that workers which share rows lock them in one order and cannot deadlock.
    _execute(
        ADD_HOURS,
        [
            (hour.organisation_id, services[hour.service], *hour[2:], *_columns(hours[hour]))
            for hour in sorted(hours)
        ],
    )


def add_days(days: Mapping[Cell, Sums], *, services: Mapping[str, int]) -> None:
    _execute(
        ADD_DAYS,
        [
            (cell.organisation_id, services[cell.service], cell.day, *_columns(days[cell]))
            for cell in sorted(days)
        ],
    )


def delete_empty(
    hours: Iterable[Hour],
    days: Iterable[Cell],
    in_utc: Iterable[Cell],
    *,
    services: Mapping[str, int],
    partition: int,
) -> None:
    """Delete rows that all events were taken out of: tables are as if these had never come."""
    _execute(
        DELETE_HOURS,
        [(hour.organisation_id, services[hour.service], *hour[2:]) for hour in sorted(hours)],
    )
    _execute(
        DELETE_DAYS,
        [(cell.organisation_id, services[cell.service], cell.day) for cell in sorted(days)],
    )
    _execute(
        DELETE_TOTALS,
        sorted({(partition, services[cell.service], cell.day) for cell in in_utc}),
    )


def _columns(sums: Sums) -> tuple[Any, ...]:
    return sums.quantity, sums.area, sums.event_count


def _execute(sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    with binary_cursor() as cursor:
        cursor.execute(sql, [list(column) for column in zip(*rows, strict=True)])


SUMS = """
    quantity = usage.quantity + excluded.quantity,
    area = usage.area + excluded.area,
    event_count = usage.event_count + excluded.event_count
"""
ADD_HOURS = f"""
INSERT INTO billing_hourlyusage AS usage
    (organisation_id, service_id, hour, groups, quantity, area, event_count)
SELECT * FROM unnest(
    %s::uuid[], %s::bigint[], %s::timestamptz[], %s::jsonb[], %s::numeric[], %s::numeric[],
    %s::bigint[]
)
ON CONFLICT (organisation_id, service_id, hour, {GROUPS_KEY_SQL}) DO UPDATE SET {SUMS}
"""  # noqa: S608 (constants only)
ADD_DAYS = f"""
INSERT INTO billing_dailyusage AS usage
    (organisation_id, service_id, day, quantity, area, event_count)
SELECT * FROM unnest(
    %s::uuid[], %s::bigint[], %s::date[], %s::numeric[], %s::numeric[], %s::bigint[]
)
ON CONFLICT (organisation_id, service_id, day) DO UPDATE SET {SUMS}
"""  # noqa: S608 (constants only)
ADD_TOTALS = f"""
INSERT INTO billing_platformusage AS usage
    (partition, service_id, day, quantity, area, event_count)
SELECT * FROM unnest(
    %s::smallint[], %s::bigint[], %s::date[], %s::numeric[], %s::numeric[], %s::bigint[]
)
ON CONFLICT (service_id, day, partition) DO UPDATE SET {SUMS}
"""  # noqa: S608 (constants only)
DELETE_HOURS = f"""
DELETE FROM billing_hourlyusage AS usage
USING (
    SELECT *, {GROUPS_KEY_SQL} AS groups_key
    FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::jsonb[])
        AS given (owner, service, starts_at, groups)
) AS touched
WHERE organisation_id = owner AND service_id = service AND hour = starts_at
    AND (md5(usage.groups::text)::uuid) = groups_key AND event_count = 0
"""  # noqa: S608 (constants only)
DELETE_DAYS = """
DELETE FROM billing_dailyusage AS usage
USING unnest(%s::uuid[], %s::bigint[], %s::date[]) AS touched (owner, service, day)
WHERE organisation_id = owner AND service_id = service AND usage.day = touched.day
    AND event_count = 0
"""
DELETE_TOTALS = """
DELETE FROM billing_platformusage AS usage
USING unnest(%s::smallint[], %s::bigint[], %s::date[]) AS touched (partition, service, day)
WHERE usage.partition = touched.partition AND service_id = service AND usage.day = touched.day
    AND event_count = 0
"""
