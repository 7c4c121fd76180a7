"""By how much a month's amount grew on each day. Pure."""

from collections.abc import Container, Iterable, Mapping
from datetime import date
from decimal import Decimal

from billing.exact import ZERO, exactly
from billing.periods import ONE_DAY, Days

Daily = dict[date, Decimal]


def known(days: Days, marked: Container[date]) -> list[date]:
    """Return the days whose end is marked, and whose start: the first of a month starts at zero."""
    return [day for day in days if day in marked and (day.day == 1 or day - ONE_DAY in marked)]


def growth(so_far: Mapping[date, Decimal], days: Iterable[date]) -> Daily:
    """Return by how much an amount grew on days; where there is none at its end, it was zero."""
    with exactly():
        return {
            day: so_far.get(day, ZERO) - (ZERO if day.day == 1 else so_far.get(day - ONE_DAY, ZERO))
            for day in days
        }
