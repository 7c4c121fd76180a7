"""Windows of time in a zone: minutes, hours, days and months of its clock. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from billing.periods import day_of, start_of

MOST = 250_000  # windows of a span
ONE_HOUR = timedelta(hours=1)


class Size(StrEnum):
    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"


class TooManyWindows(Exception):
    def __init__(self, size: Size) -> None:
        super().__init__(f"These are more than {MOST} windows of a {size}: ask for a shorter span.")


def bounds(size: Size, first: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return where windows begin that cover a span, and where the last one ends: in UTC.

    Each window ends where the next one begins, whatever clocks do. Raises TooManyWindows.
    """
    starts = _STARTS[size](first, zone)
    found = [next(starts)]
    for start in islice(starts, MOST + 1):
        if start > found[-1]:  # else clocks have skipped the window: there is no such day
            found.append(start)
        if start >= end:
            return found
    raise TooManyWindows(size)


def is_whole_hour(moment: datetime) -> bool:
    return moment.minute == moment.second == moment.microsecond == 0


def floor_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def floor_minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _minutes(first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    start = floor_minute(first)
    while True:
        yield start
        start += timedelta(minutes=1)


def _hours(first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    start = _floor_local_hour(first, zone)
    while True:
        yield start
        later = start + ONE_HOUR
        floored = _floor_local_hour(later, zone)  # another one where clocks change by half an hour
        start = floored if floored > start else later


def _floor_local_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return local.astimezone(UTC) - into


def _days(first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = day_of(first, zone)
    while True:
        yield start_of(day, zone)
        day += timedelta(days=1)


def _months(first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = day_of(first, zone).replace(day=1)
    while True:
        yield start_of(day, zone)
        day = (day + timedelta(days=31)).replace(day=1)


_STARTS = {
    Size.MINUTE: _minutes,
    Size.HOUR: _hours,
    Size.DAY: _days,
    Size.MONTH: _months,
}
