"""Fold changes of usage into the sums of hours. Pure, exact, and in any order the same.

An hour keeps only sums, so late events, replays and any split into batches give the same row:
for a sum or a count that of its quantities; for a level the sum of its changes Δ, and the sum of
Δ × (end of hour − t). From these follow, exactly,

    integral(span) = level at its start × its length + Σ Δ × (its end − t)

for a span of hours, such as a day or a month: each Δ runs on from its hour's end to that of the
span. Days and months are those of the organisation's time zone. What is called an hour is a quarter
of one for organisations in zones whose days need it (periods.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.periods import (
    IN_UTC,
    ONE_DAY,
    Days,
    Zones,
    day_of,
    microseconds,
    month_of,
    slot_start,
    start_of,
)

NO_GROUPS = "{}"


class Hour(NamedTuple):
    """Which row of the hourly table; ``groups`` are the dimensions' values, as canonical JSON."""

    organisation_id: UUID
    service: str
    starts_at: datetime
    groups: str = NO_GROUPS


class Cell(NamedTuple):
    """Which row of the daily table."""

    organisation_id: UUID
    service: str
    day: date


Row = TypeVar("Row", Hour, Cell)


@dataclass(frozen=True, slots=True)
class Change:
    """Usage of a service at a time, or a change of a level then."""

    organisation_id: UUID
    service: str
    quantity: Decimal
    at: datetime
    of_level: bool

    def hour(self, slot: timedelta) -> Hour:
        return Hour(self.organisation_id, self.service, slot_start(self.at, slot))


@dataclass(frozen=True, slots=True)
class Sums:
    """``area`` is in quantity × microseconds, up to the end of the span; 0 but for levels."""

    quantity: Decimal = ZERO
    area: Decimal = ZERO
    event_count: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        with exactly():
            return Sums(
                self.quantity + other.quantity,
                self.area + other.area,
                self.event_count + other.event_count,
            )

    def __neg__(self) -> "Sums":
        with exactly():
            return Sums(-self.quantity, -self.area, -self.event_count)

    def running_on(self, span: timedelta) -> "Sums":
        """Return the sums of a level with the area up to so much later."""
        with exactly():
            area = self.area + self.quantity * microseconds(span)
        return Sums(self.quantity, area, self.event_count)


def fold(changes: Iterable[Change], zones: Zones = IN_UTC) -> dict[Hour, Sums]:
    """Return the sums of every hour that a change lies in."""
    hours: defaultdict[Hour, Sums] = defaultdict(Sums)
    for change in changes:
        slot = zones.slot(change.organisation_id)
        hour = change.hour(slot)
        area = _area(change, hour.starts_at + slot) if change.of_level else ZERO
        hours[hour] += Sums(change.quantity, area, 1)
    return dict(hours)


def merge(*several: Mapping[Row, Sums]) -> dict[Row, Sums]:
    """Add up what several folds gave."""
    total: defaultdict[Row, Sums] = defaultdict(Sums)
    for rows in several:
        for row, sums in rows.items():
            total[row] += sums
    return dict(total)


def by_day(
    hours: Mapping[Hour, Sums],
    levels: frozenset[str],
    zones: Zones = IN_UTC,
    *,
    in_utc: bool = False,
) -> dict[Cell, Sums]:
    """Return the sums by day, whatever the dimensions; areas then run to the day's end.

    Days are those of the organisations' zones, or all of them those of UTC.
    """
    days: defaultdict[Cell, Sums] = defaultdict(Sums)
    for hour, sums in hours.items():
        zone = IN_UTC.of(hour.organisation_id) if in_utc else zones.of(hour.organisation_id)
        day = day_of(hour.starts_at, zone)
        if hour.service in levels:
            hour_ends = hour.starts_at + zones.slot(hour.organisation_id)
            sums = sums.running_on(start_of(day + ONE_DAY, zone) - hour_ends)
        days[Cell(hour.organisation_id, hour.service, day)] += sums
    return dict(days)


ByMonth = dict[UUID, dict[Days, dict[str, Sums]]]


def by_month(days: Mapping[Cell, Sums], levels: frozenset[str], zones: Zones = IN_UTC) -> ByMonth:
    """Return the sums by organisation, month and service; areas then run to the month's end."""
    months: ByMonth = {}
    for cell, sums in days.items():
        month, zone = month_of(cell.day), zones.of(cell.organisation_id)
        if cell.service in levels:
            sums = sums.running_on(month.ends_in(zone) - start_of(cell.day + ONE_DAY, zone))
        services = months.setdefault(cell.organisation_id, {}).setdefault(month, {})
        services[cell.service] = services.get(cell.service, Sums()) + sums
    return months


def _area(change: Change, end: datetime) -> Decimal:
    with exactly():
        return change.quantity * microseconds(end - change.at)
