"""Spans of days, half-open, and the moments that they start and end at (UTC)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

ONE_DAY = timedelta(days=1)
DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Days:
    """The days from ``first`` up to, but not including, ``end``.

    Raises ValueError when it would be empty.
    """

    first: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.first:
            raise ValueError(f"The days from {self.first} to before {self.end} are no days.")

    def __iter__(self) -> Iterator[date]:
        return (self.first + ONE_DAY * n for n in range(len(self)))

    def __len__(self) -> int:
        return (self.end - self.first).days

    @property
    def last(self) -> date:
        return self.end - ONE_DAY

    @property
    def starts_at(self) -> datetime:
        return start_of(self.first)

    @property
    def ends_at(self) -> datetime:
        return start_of(self.end)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def month_of(day: date) -> Days:
    """Return the calendar month that ``day`` lies in."""
    first = day.replace(day=1)
    return Days(first, (first + timedelta(days=31)).replace(day=1))


def month_before(month: Days) -> Days:
    return month_of(month.first - ONE_DAY)


def microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
