"""Days of organisations, or of all together, in one statement: see usage.py for what they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
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
_Changes = tuple[Decimal, Decimal, Decimal]
NO_CHANGES = ZERO, ZERO, ZERO


class _Window(NamedTuple):
    """A day of a zone: how long it lasts, and how much of it is still to come, in microseconds."""

    day: date
    length: int
    to_come: int


# Only days with usage are read; those between them are put in later, for to join each owner's days
# to all of them takes as long as the rest. NULL stands for all organisations together, and each is
# asked for up to a last day of its own, for it is not the same day everywhere.
DAILY = """
WITH asked AS (
    SELECT * FROM unnest(%(owners)s::uuid[], %(lasts)s::date[])
        WITH ORDINALITY AS asked (owner, last, number)
)
{opening}
SELECT number, day, sum(quantity), sum(area), coalesce(sum(high), 0)
FROM asked JOIN {table} ON {same}
WHERE service_id = %(service)s AND day >= %(first)s AND day <= last GROUP BY 1, 2
"""
# The level at the start of a day is all that changed before it.
OPENING = """
SELECT number, NULL::date, sum(quantity), 0, 0 FROM asked JOIN {table} ON {same}
WHERE service_id = %(service)s AND day < %(first)s GROUP BY 1
UNION ALL
"""


def read_daily(
    rows_of: tuple[str, str],
    *,
    service: Service,
    days: Days,
    now: datetime,
    owners: Sequence[UUID | None],
    zones: Zones,
    openings: Sequence[Decimal] | None,
) -> list[DayFigure]:
    """Return the days up to today of each owner that ever used the service, by owner and day.

    ``rows_of`` is a table and the condition that its rows are an owner's; ``openings`` are the
    levels before the first day, where they are known.
    """
    table, same = rows_of
    each = [zones.of(owner) if owner else UTC for owner in owners]
    with binary_cursor() as cursor:  # which plans a statement once, however many owners
        cursor.execute(
            DAILY.format(
                table=table,
                same=same,
                opening=OPENING.format(table=table, same=same) if openings is None else "",
            ),
            {
                "service": service.pk,
                "first": days.first,
                "owners": list(owners),
                "lasts": [min(days.last, day_of(now, zone)) for zone in each],
            },
        )
        used, levels = _by_owner(cursor.fetchall(), openings or ())
    windows = {zone: _windows(days, now, zone) for zone in set(each)}
    with exactly():
        return [
            day
            for n in sorted(used, key=lambda n: str(owners[n]))
            for day in _days_of(owners[n], service, windows[each[n]], used[n], levels.get(n, ZERO))
        ]


def _by_owner(
    rows: Sequence[tuple[Any, ...]], openings: Sequence[Decimal]
) -> tuple[dict[int, dict[date, _Changes]], dict[int, Decimal]]:
    """Return what changed by owner and day, and the levels before; owners by their place."""
    levels = dict(enumerate(openings))
    levels |= {number - 1: level for number, day, level, *_ in rows if day is None}
    used: dict[int, dict[date, _Changes]] = {place: {} for place in levels}
    for number, day, quantity, area, high in rows:
        if day is not None:
            used.setdefault(number - 1, {})[day] = quantity, area, high
    return used, levels


def _windows(days: Days, now: datetime, zone: tzinfo) -> list[_Window]:
    """Return the days up to today."""
    last = min(days.last, day_of(now, zone))
    starts = [(day, start_of(day, zone), start_of(day + ONE_DAY, zone)) for day in days]
    return [
        _Window(day, microseconds(end - start), max(0, microseconds(end - now)))
        for day, start, end in starts
        if day <= last
    ]


def _days_of(
    owner: UUID | None,
    service: Service,
    windows: Sequence[_Window],
    used: Mapping[date, _Changes],
    level: Decimal,
) -> Iterator[DayFigure]:
    """Make an owner's days of those on which something changed, from a level on."""
    figure = _FIGURES.get(service.aggregation, _used)
    for window in windows:
        changes = used.get(window.day, NO_CHANGES)
        before, level = level, level + changes[0]
        yield DayFigure(owner, window.day, figure(before, changes, window), level)


def _used(_level: Decimal, changes: _Changes, _window: _Window) -> Decimal:
    return changes[0]


def _peak(level: Decimal, changes: _Changes, _window: _Window) -> Decimal:
    _, _, high = changes
    return level + high


def _integral(level: Decimal, changes: _Changes, window: _Window) -> Decimal:
    """Return a level's integral over the day, or over what of it has passed."""
    _, length, to_come = window
    quantity, area, _ = changes
    return level * (length - to_come) + area - quantity * to_come


_FIGURES: Mapping[str, Callable[[Decimal, _Changes, _Window], Decimal]] = {
    Service.Aggregation.LEVEL: _integral,
    Service.Aggregation.PEAK: _peak,
}
