"""When billing periods start and end. Pure.

Periods are of one, three or twelve months. Those of the calendar start with a month, a quarter or a
year; those of an anniversary on the day of the month on which the subscription started, or on a
month's last day where it has no such day.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from billing.periods import Days

MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}


@dataclass(frozen=True, slots=True)
class Cycle:
    """Periods of so many months, counted from ``anchor``; None is the calendar."""

    months: int = 1
    anchor: date | None = None

    @lru_cache(maxsize=4096)  # noqa: B019 (cycles are few, and bounded)
    def period_of(self, day: date) -> Days:
        """Return the billing period that a day lies in."""
        anchor = self.anchor or date(day.year, 1, 1)
        between = (day.year - anchor.year) * 12 + day.month - anchor.month
        number = between // self.months
        if self._start(anchor, number) > day:
            number -= 1
        return Days(self._start(anchor, number), self._start(anchor, number + 1))

    def after(self, period: Days) -> Days:
        return self.period_of(period.end)

    def _start(self, anchor: date, number: int) -> date:
        return months_later(anchor, number * self.months)


def months_later(day: date, months: int) -> date:
    """Return the same day of the month so many months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def cycle_of(*, billing_period: str, anchor: str, subscribed_on: date) -> Cycle:
    """Return the cycle of a plan version for who subscribed on a day."""
    return Cycle(MONTHS[billing_period], subscribed_on if anchor == "anniversary" else None)
