"""The days of time zones, worked out one by one, for the check: see recount.py. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

FIRST, END = (
    date(2000, 1, 1),
    date(2038, 1, 1),
)  # no event is older, nor its zone's rule known later
ONE_DAY = timedelta(days=1)
HOUR, QUARTER_HOUR = 3_600_000_000, 900_000_000  # microseconds


class Day(NamedTuple):
    """A day of a zone, between two moments; and those that its month starts and ends at."""

    day: date
    starts_at: datetime
    ends_at: datetime
    month_starts_at: datetime
    month_ends_at: datetime


def days(zone: tzinfo) -> Iterator[Day]:
    """Yield all days that last for a while: a zone may have left one out."""
    day, starts_at, month = FIRST, _starts(FIRST, zone), 0
    month_starts_at = month_ends_at = starts_at
    while day < END:
        if day.month != month:
            month, month_starts_at, month_ends_at = day.month, starts_at, _month_end(day, zone)
        following = day + ONE_DAY
        ends_at = _starts(following, zone)
        if starts_at < ends_at:
            yield Day(day, starts_at, ends_at, month_starts_at, month_ends_at)
        day, starts_at = following, ends_at


def slot(found: Iterable[Day]) -> int:
    """Return the span of a row of hours, in microseconds: no day of a zone may begin within one."""
    whole = all(one.starts_at.minute == 0 for one in found)
    return HOUR if whole else QUARTER_HOUR


def _starts(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day; where clocks skip midnight, that is when they do."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _month_end(day: date, zone: tzinfo) -> datetime:
    following = (day.replace(day=28) + 4 * ONE_DAY).replace(day=1)
    return _starts(following, zone)
