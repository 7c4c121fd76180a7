"""Spans of days, half-open, and the moments that they start and end at, in any time zone.

A day starts when its date first shows on the clocks, and lasts until the next one starts: 23 or 25
hours where clocks change, and none at all where a zone left a date out. Usage is kept by slots that
no day's start divides: hours, or quarter hours in zones with odd minutes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from uuid import UUID

ONE_DAY = timedelta(days=1)
ONE_MICROSECOND = timedelta(microseconds=1)
DAY_MICROSECONDS = 86_400_000_000
HOUR, QUARTER_HOUR = timedelta(hours=1), timedelta(minutes=15)
EARLIEST, LATEST = 2000, 2037  # years: no event is older, and rules of zones are not made for later


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
        return iter(_each(self.first, self.end))

    def __len__(self) -> int:
        return (self.end - self.first).days

    @property
    def last(self) -> date:
        return self.end - ONE_DAY

    @property
    def starts_at(self) -> datetime:
        """In UTC; as days of a zone see :meth:`starts_in`."""
        return start_of(self.first)

    @property
    def ends_at(self) -> datetime:
        return start_of(self.end)

    def starts_in(self, zone: tzinfo) -> datetime:
        """Return when they start as days of a time zone."""
        return start_of(self.first, zone)

    def ends_in(self, zone: tzinfo) -> datetime:
        return start_of(self.end, zone)


@lru_cache(maxsize=1024)  # a page goes through the same spans, such as a year's weeks, many times
def _each(first: date, end: date) -> tuple[date, ...]:
    return tuple(first + ONE_DAY * n for n in range((end - first).days))


@lru_cache(maxsize=32)  # each trace of each chart of a page has them
def written(days: Days) -> tuple[str, ...]:
    """Return each day as ISO 8601 writes it."""
    return tuple(day.isoformat() for day in days)


def iso(days: Days) -> str:
    """Write days as ISO 8601 does: one alone, or the first and the last, 2026-11-02/2026-11-08."""
    return f"{days.first}" if len(days) == 1 else f"{days.first}/{days.last}"


@dataclass(frozen=True, slots=True)
class Zones:
    """The time zones of organisations; those that are not named are in UTC."""

    named: Mapping[UUID, tzinfo] = field(default_factory=dict)

    def of(self, organisation_id: UUID) -> tzinfo:
        return self.named.get(organisation_id, UTC)

    def slot(self, organisation_id: UUID) -> timedelta:
        return slot_of(self.of(organisation_id))

    @property
    def in_quarters(self) -> list[UUID]:
        """The organisations whose slots are quarter hours."""
        return [one for one, zone in self.named.items() if slot_of(zone) == QUARTER_HOUR]


IN_UTC = Zones()


@lru_cache(maxsize=4096)  # a page asks for the same few days a thousand times
def start_of(day: date, zone: tzinfo = UTC) -> datetime:
    """Return when a day starts, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_of(moment: datetime, zone: tzinfo = UTC) -> date:
    """Return the day that a moment lies in."""
    day = moment.astimezone(zone).date()
    # Clocks that are put back over midnight show the day before once more: it has ended already.
    return day + ONE_DAY if moment >= start_of(day + ONE_DAY, zone) else day


@cache
def slot_of(zone: tzinfo) -> timedelta:
    """Return how long the slots are that the days of a zone are made of."""
    firsts = (
        datetime(year, month, 1, tzinfo=zone)
        for year in range(EARLIEST, LATEST + 1)
        for month in range(1, 13)
    )
    offsets = (first.utcoffset() or timedelta() for first in firsts)
    return QUARTER_HOUR if any(offset % HOUR for offset in offsets) else HOUR


def slot_start(moment: datetime, slot: timedelta) -> datetime:
    """Return when the slot starts that a moment lies in, in UTC."""
    moment = moment.astimezone(UTC)
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour + (moment - hour) // slot * slot


def month_of(day: date) -> Days:
    """Return the calendar month that ``day`` lies in."""
    first = day.replace(day=1)
    return Days(first, (first + timedelta(days=31)).replace(day=1))


def month_before(month: Days) -> Days:
    return month_of(month.first - ONE_DAY)


def microseconds(span: timedelta) -> int:
    return span // ONE_MICROSECOND
