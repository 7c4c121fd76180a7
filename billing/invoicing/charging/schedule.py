"""When billing periods start and end. Pure.

Periods are of one, three or twelve months. Those of the calendar start with a month, a quarter or a
year; those of an anniversary on the day of the month on which the subscription started, or on a
month's last day where it has no such day.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
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


Cycles = Sequence[tuple[date, Cycle]]
"""How billing periods follow each other, from which day on."""


def cycle_on(day: date, cycles: Cycles) -> Cycle:
    """Return what holds on a day: before all of them the first, and without any that of months."""
    started = [cycle for starts_on, cycle in cycles if starts_on <= day]
    return started[-1] if started else cycles[0][1] if cycles else Cycle()


def periods_of(days: Days, cycles: Cycles) -> Iterator[Days]:
    """Yield the billing periods that have some of these days, each of them whole.

    As invoices have them: a change to other periods leaves a shorter one, up to the start of the
    first whole one.
    """
    first = days.first
    if len({cycle for _, cycle in cycles}) > 1:
        first = min(first, cycles[0][0])
    period = cycle_on(first, cycles).period_of(first)
    while period.first < days.end:
        if period.end > days.first:
            yield period
        period = Days(period.end, cycle_on(period.end, cycles).period_of(period.end).end)


def months_later(day: date, months: int) -> date:
    """Return the same day of the month so many months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def cycle_of(*, billing_period: str, anchor: str, subscribed_on: date) -> Cycle:
    """Return the cycle of a plan version for who subscribed on a day."""
    return Cycle(MONTHS[billing_period], subscribed_on if anchor == "anniversary" else None)
