"""The days of time zones, as the check works them out by itself."""

from datetime import UTC, date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from billing.metering.recounting import calendars

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "Pacific/Apia", "Asia/Kathmandu", "America/Havana"]
)
def test_days_follow_each_other_without_a_gap_and_months_end_with_their_last(zone):
    found = list(calendars.days(ZoneInfo(zone)))
    assert all(one.ends_at == next.starts_at for one, next in pairwise(found))
    ends = {one.day: one.ends_at for one in found}
    assert all(
        one.month_ends_at >= one.ends_at and (one.day.day > 1 or one.month_ends_at in ends.values())
        for one in found[:800]
    )


def length(zone, day):
    [found] = [one for one in calendars.days(ZoneInfo(zone)) if one.day == day]
    return found.ends_at - found.starts_at


def test_days_are_as_long_as_clocks_make_them():
    assert length("Europe/Berlin", date(2026, 3, 29)) == 23 * HOUR
    assert length("Europe/Berlin", date(2026, 10, 25)) == 25 * HOUR
    assert length("Australia/Lord_Howe", date(2026, 4, 5)) == 24.5 * HOUR
    left_out = date(2011, 12, 30)
    assert left_out not in [one.day for one in calendars.days(ZoneInfo("Pacific/Apia"))]


def test_rows_are_of_quarters_only_where_a_day_begins_within_an_hour():
    def slot(zone):
        return calendars.slot(calendars.days(zone))

    assert slot(UTC) == slot(ZoneInfo("America/New_York")) == 3_600_000_000
    assert slot(ZoneInfo("Asia/Kathmandu")) == 900_000_000
