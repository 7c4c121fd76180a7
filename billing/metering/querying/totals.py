"""Days of all organisations together: see usage.py for what they come to.

Months that were added up stay in the process that did so, each with the stamp that tells it from
what it was before (platform_changed.py): of a year that is shown again, only what changed is read.
So do whole spans that are over, where nothing before them has to be read.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache
from django.db.models import DateField, TextField

from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.metering.querying.daily import Changes, DayFigure, days_of, windows_of
from billing.periods import Days, day_of, month_of
from billing.together import Raw, Reading, read
from eventstore.cursors import binary_cursor

LEVELS = (Service.Aggregation.LEVEL, Service.Aggregation.PEAK)
NOTHING_KNOWN: Mapping[int, Decimal] = {}
MOST = 1000  # months of services that a process keeps: some twelve megabytes
MOST_OVER = 8  # spans that are over: two years of five services are a megabyte

Stamps = Mapping[date, str]
"""The stamps of months, by their first days. One in which nothing was ever used has none."""


class _Month(NamedTuple):
    service: int
    first: date
    stamp: str


_Used = Mapping[date, Changes]
Totals = Mapping[int, Sequence[DayFigure]]
_kept: LRUCache[_Month, _Used] = LRUCache(maxsize=MOST)
_over: LRUCache[Hashable, Totals] = LRUCache(maxsize=MOST_OVER)
_lock = Lock()  # requests are answered in threads


def reading_stamps(days: Days) -> Reading[Stamps]:
    """Read the stamps of the months that days are in: before their figures are read."""
    asked = {"first": month_of(days.first).first, "end": days.end}
    [rows] = yield [Raw(STAMPS, asked, [DateField(), TextField()], is_planned_once=True)]
    return dict(rows)


def daily_totals(
    *,
    services: Sequence[Service],
    days: Days,
    now: datetime,
    openings: Mapping[int, Decimal] = NOTHING_KNOWN,
    stamps: Stamps | None = None,
) -> Totals:
    """Return by service a row for every day of UTC up to today; none where it was never used.

    Who knows the level of one before the first day spares reading all that changed it, and who
    knows the stamps, reading these.
    """
    if stamps is None:
        stamps = read(reading_stamps(days))
    levels = [one.pk for one in services if one.aggregation in LEVELS and one.pk not in openings]
    if levels or days.last >= day_of(now):
        before = {**openings, **_levels_before(levels, days.first)}
        return _totals(services, days, now, before, stamps)
    key = days, *(frozenset(one.items()) for one in (openings, stamps)), *(s.pk for s in services)
    with _lock:
        found = _over.get(key)
    if found is None:
        found = _totals(services, days, now, openings, stamps)
        with _lock:
            _over[key] = found
    return found


def _totals(
    services: Sequence[Service],
    days: Days,
    now: datetime,
    before: Mapping[int, Decimal],
    stamps: Stamps,
) -> Totals:
    used = _used([one.pk for one in services], days, stamps, now)
    windows = windows_of(days, now, UTC)
    with exactly():
        return {
            one.pk: list(days_of(None, one, windows, used[one.pk], before.get(one.pk, ZERO)))
            for one in services
            if used[one.pk] or one.pk in before
        }


def _used(
    services: Sequence[int], days: Days, stamps: Stamps, now: datetime
) -> Mapping[int, _Used]:
    """Return what changed on the days up to today, by service and day."""
    last = min(days.last, day_of(now))
    wanted = [_Month(one, first, stamp) for one in services for first, stamp in stamps.items()]
    used: dict[int, dict[date, Changes]] = {one: {} for one in services}
    for month, its in _months(wanted).items():
        used[month.service].update(
            its
            if days.first <= month.first and month_of(month.first).last <= last
            else {day: changes for day, changes in its.items() if days.first <= day <= last}
        )
    return used


def _months(wanted: Sequence[_Month]) -> Mapping[_Month, _Used]:
    """Return months as they are kept; those that are not are read, all in one statement."""
    with _lock:
        found = {month: _kept[month] for month in wanted if month in _kept}
    if lacking := [month for month in wanted if month not in found]:
        read_now = _read(lacking)
        with _lock:
            _kept.update(read_now)
        found |= read_now
    return found


def _read(months: Sequence[_Month]) -> Mapping[_Month, _Used]:
    asked: dict[str, Any] = {
        "services": [month.service for month in months],
        "firsts": [month.first for month in months],
    }
    found: dict[_Month, dict[date, Changes]] = {month: {} for month in months}
    with binary_cursor() as cursor:
        cursor.execute(MONTHS, asked)
        for number, day, *changes in cursor.fetchall():
            quantity, area, high = changes
            found[months[number - 1]][day] = quantity, area, high
    return found


def _levels_before(services: Sequence[int], day: date) -> Mapping[int, Decimal]:
    """Return where levels stood before a day: at all that changed them until then."""
    if not services:
        return {}
    with binary_cursor() as cursor:
        cursor.execute(BEFORE, {"services": list(services), "first": day})
        return dict(cursor.fetchall())


STAMPS = """
SELECT month, md5(string_agg(stamp::text, '' ORDER BY partition))
FROM billing_platformchange WHERE month >= %(first)s AND month < %(end)s GROUP BY month
"""
# Each service by itself, for that is how the index has the days.
MONTHS = """
SELECT number, day, sum(quantity), sum(area), coalesce(sum(high), 0)
FROM unnest(%(services)s::bigint[], %(firsts)s::date[])
    WITH ORDINALITY AS asked (service, first, number)
JOIN billing_platformusage ON service_id = service
    AND day >= first AND day < (first + interval '1 month')::date
GROUP BY 1, 2
"""
BEFORE = """
SELECT service_id, sum(quantity) FROM billing_platformusage
WHERE service_id = ANY(%(services)s::bigint[]) AND day < %(first)s GROUP BY 1
"""
