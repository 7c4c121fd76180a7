"""Days of organisations, in one statement: see usage.py for what they are, totals.py for those of
all organisations together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.periods import ONE_DAY, Days, Zones, day_of, microseconds, start_of
from eventstore.cursors import binary_cursor


class DayFigure(NamedTuple):
    """One day of one organisation, or of the platform (no organisation)."""

    organisation_id: UUID | None
    day: date
    figure: Decimal
    level: Decimal  # of a level or a peak: where it stood at the day's end, or stands now


# What changed on a day, or what was used: its quantity, its area, and how high a peak was. It is as
# it was read, for a page has a thousand of them.
Changes = tuple[Decimal, Decimal, Decimal]
NO_CHANGES = ZERO, ZERO, ZERO


class Window(NamedTuple):
    """A day of a zone: how long it lasts, and how much of it is still to come, in microseconds."""

    day: date
    length: int
    to_come: int


# Only days with usage are read; those between them are put in later, for to join each owner's days
# to all of them takes as long as the rest. Each is asked for up to a last day of its own, for it is
# not the same day everywhere.
DAILY = """
WITH asked AS (
    SELECT * FROM unnest(%(owners)s::uuid[], %(lasts)s::date[])
        WITH ORDINALITY AS asked (owner, last, number)
)
{opening}
SELECT number, day, sum(quantity), sum(area), coalesce(sum(high), 0)
FROM asked JOIN billing_dailyusage ON organisation_id = owner
WHERE service_id = %(service)s AND day >= %(first)s AND day <= last GROUP BY 1, 2
"""
# The level at the start of a day is all that changed before it.
OPENING = """
SELECT number, NULL::date, sum(quantity), 0, 0
FROM asked JOIN billing_dailyusage ON organisation_id = owner
WHERE service_id = %(service)s AND day < %(first)s GROUP BY 1
UNION ALL
"""


def read_daily(
    *,
    service: Service,
    days: Days,
    now: datetime,
    owners: Sequence[UUID],
    zones: Zones,
    openings: Sequence[Decimal] | None,
) -> list[DayFigure]:
    """Return the days up to today of each owner that ever used the service, by owner and day.

    ``openings`` are the levels before the first day, where they are known.
    """
    each = [zones.of(owner) for owner in owners]
    with binary_cursor() as cursor:  # which plans a statement once, however many owners
        cursor.execute(
            DAILY.format(opening=OPENING if openings is None else ""),
            {
                "service": service.pk,
                "first": days.first,
                "owners": list(owners),
                "lasts": [min(days.last, day_of(now, zone)) for zone in each],
            },
        )
        used, levels = _by_owner(cursor.fetchall(), openings or ())
    windows = {zone: windows_of(days, now, zone) for zone in set(each)}
    with exactly():
        return [
            day
            for n in sorted(used, key=lambda n: str(owners[n]))
            for day in days_of(owners[n], service, windows[each[n]], used[n], levels.get(n, ZERO))
        ]


def _by_owner(
    rows: Sequence[tuple[Any, ...]], openings: Sequence[Decimal]
) -> tuple[dict[int, dict[date, Changes]], dict[int, Decimal]]:
    """Return what changed by owner and day, and the levels before; owners by their place."""
    levels = dict(enumerate(openings))
    levels |= {number - 1: level for number, day, level, *_ in rows if day is None}
    used: dict[int, dict[date, Changes]] = {place: {} for place in levels}
    for number, day, quantity, area, high in rows:
        if day is not None:
            used.setdefault(number - 1, {})[day] = quantity, area, high
    return used, levels


def windows_of(days: Days, now: datetime, zone: tzinfo) -> list[Window]:
    """Return the days up to today."""
    last = min(days.last, day_of(now, zone))
    starts = [(day, start_of(day, zone), start_of(day + ONE_DAY, zone)) for day in days]
    return [
        Window(day, microseconds(end - start), max(0, microseconds(end - now)))
        for day, start, end in starts
        if day <= last
    ]


def days_of(
    owner: UUID | None,
    service: Service,
    windows: Sequence[Window],
    used: Mapping[date, Changes],
    level: Decimal,
) -> Iterator[DayFigure]:
    """Make the days of an owner, or of all, of those on which something changed, from a level."""
    figure = _FIGURES.get(service.aggregation, _used)
    for window in windows:
        changes = used.get(window.day, NO_CHANGES)
        before, level = level, level + changes[0]
        yield DayFigure(owner, window.day, figure(before, changes, window), level)


def _used(_level: Decimal, changes: Changes, _window: Window) -> Decimal:
    return changes[0]


def _peak(level: Decimal, changes: Changes, _window: Window) -> Decimal:
    _, _, high = changes
    return level + high


def _integral(level: Decimal, changes: Changes, window: Window) -> Decimal:
    """Return a level's integral over the day, or over what of it has passed."""
    _, length, to_come = window
    quantity, area, _ = changes
    return level * (length - to_come) + area - quantity * to_come


_FIGURES: Mapping[str, Callable[[Decimal, Changes, Window], Decimal]] = {
    Service.Aggregation.LEVEL: _integral,
    Service.Aggregation.PEAK: _peak,
}
