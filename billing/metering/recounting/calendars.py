"""The days of time zones, worked out one by one, for the check: see recount.py. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

FIRST, END = (
    date(2000, 1, 1),
    date(2038, 1, 1),
)  # no event is older, nor its zone's rule known later
ONE_DAY = timedelta(days=1)
HOUR, QUARTER_HOUR = 3_600_000_000, 900_000_000  # microseconds


class Day(NamedTuple):
    """A day of a zone, between two moments; ``month_ends_at`` is where its month does."""

    day: date
    starts_at: datetime
    ends_at: datetime
    month_ends_at: datetime


def days(zone: tzinfo) -> Iterator[Day]:
    """Yield all days that last for a while: a zone may have left one out."""
    day = FIRST
    while day < END:
        found = Day(day, _starts(day, zone), _starts(day + ONE_DAY, zone), _month_end(day, zone))
        if found.starts_at < found.ends_at:
            yield found
        day += ONE_DAY


def slot(zone: tzinfo) -> int:
    """Return the span of a row of hours, in microseconds: no day may begin within one."""
    whole = all(one.starts_at.minute == 0 for one in days(zone))
    return HOUR if whole else QUARTER_HOUR


def _starts(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day; where clocks skip midnight, that is when they do."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _month_end(day: date, zone: tzinfo) -> datetime:
    following = (day.replace(day=28) + 4 * ONE_DAY).replace(day=1)
    return _starts(following, zone)
