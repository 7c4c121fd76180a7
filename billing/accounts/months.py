"""What an organisation used, added up by month and service. Pure."""

from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

import msgspec

from billing.exact import ZERO, exactly
from billing.periods import day_of, microseconds, month_of
from eventstore.aggregate import Aggregate


class MonthSums(msgspec.Struct, frozen=True):
    """What a month of the organisation's time zone adds up to for one service.

    ``area`` runs to the month's end (fold.py). Figures that are no sums are not here, but only in
    the tables.
    """

    quantity: Decimal = ZERO
    area: Decimal = ZERO

    def plus(self, other: "MonthSums") -> "MonthSums":
        with exactly():
            return MonthSums(self.quantity + other.quantity, self.area + other.area)


Months = dict[date, dict[str, MonthSums]]
"""Sums by the first day of the month, and by service."""


class Metered(Aggregate):
    """The part of an account that knows what was used, month by month."""

    months: Months = {}

    def add_months(self, months: Months) -> None:
        for first, services in months.items():
            month = self.months.setdefault(first, {})
            for service, sums in services.items():
                month[service] = month.get(service, MonthSums()).plus(sums)

    def counted(self, service: str, day: date) -> Decimal:
        """Return what was used of a counter in the month of ``day``."""
        return self._sums(service, day.replace(day=1)).quantity

    def level(self, service: str) -> Decimal:
        """Return where a level stands now."""
        with exactly():
            return sum(
                (one[service].quantity for one in self.months.values() if service in one), ZERO
            )

    def integral(self, service: str, now: datetime, zone: tzinfo = UTC) -> Decimal:
        """Return a level's integral over the month of ``now`` so far, in quantity × µs.

        Months are those of the organisation's time zone.
        """
        month = month_of(day_of(now, zone))
        sums = self._sums(service, month.first)
        with exactly():
            start = sum(
                (
                    one[service].quantity
                    for first, one in self.months.items()
                    if first < month.first and service in one
                ),
                ZERO,
            )
            so_far = start * microseconds(now - month.starts_in(zone))
            return so_far + sums.area - sums.quantity * microseconds(month.ends_in(zone) - now)

    def _sums(self, service: str, first: date) -> MonthSums:
        return self.months.get(first, {}).get(service, MonthSums())
