"""Fold changes of usage into the sums of days. Pure, exact, and in any order the same.

A day keeps only sums, so late events, replays and any split into batches give the same row:
for a counter the sum of its quantities; for a level the sum of its changes Δ, and the sum of
Δ × (end of day − t). From these follow, exactly,

    integral(day) = level at its start × 86 400 s + Σ Δ × (end of day − t)
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.periods import ONE_DAY, Days, microseconds, month_of, start_of


class Cell(NamedTuple):
    """Which row of the daily table."""

    organisation_id: UUID
    service: str
    day: date


@dataclass(frozen=True, slots=True)
class Change:
    """Usage of a counter at a time, or a change of a level then."""

    organisation_id: UUID
    service: str
    quantity: Decimal
    at: datetime
    of_level: bool

    @property
    def cell(self) -> Cell:
        return Cell(self.organisation_id, self.service, self.at.astimezone(UTC).date())


@dataclass(frozen=True, slots=True)
class Sums:
    """``area`` is in quantity × microseconds, up to the end of the span; 0 for a counter."""

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


def fold(changes: Iterable[Change]) -> dict[Cell, Sums]:
    """Return the sums of every day that a change lies in."""
    days: defaultdict[Cell, Sums] = defaultdict(Sums)
    for change in changes:
        cell = change.cell
        area = _area(change, start_of(cell.day + ONE_DAY)) if change.of_level else ZERO
        days[cell] += Sums(change.quantity, area, 1)
    return dict(days)


ByMonth = dict[UUID, dict[Days, dict[str, Sums]]]


def by_month(days: Mapping[Cell, Sums], levels: frozenset[str]) -> ByMonth:
    """Return the sums by organisation, month and service; areas then run to the month's end."""
    months: ByMonth = {}
    for cell, sums in days.items():
        month = month_of(cell.day)
        if cell.service in levels:
            sums = _until(sums, month, cell.day)
        services = months.setdefault(cell.organisation_id, {}).setdefault(month, {})
        services[cell.service] = services.get(cell.service, Sums()) + sums
    return months


def _area(change: Change, end: datetime) -> Decimal:
    with exactly():
        return change.quantity * microseconds(end - change.at)


def _until(sums: Sums, month: Days, day: date) -> Sums:
    rest = microseconds(month.ends_at - start_of(day + ONE_DAY))
    with exactly():
        return Sums(sums.quantity, sums.area + sums.quantity * rest, sums.event_count)
