from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.metering.querying.windows import Size, TooManyWindows, bounds

ZONES = [
    *("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "America/Havana", "America/Sao_Paulo", "Pacific/Apia"),
]
SPANS = st.timedeltas(timedelta(0), timedelta(days=5844))
moments = SPANS.map(lambda since: datetime(2011, 1, 1, tzinfo=UTC) + since)
LONGEST = {Size.MINUTE: 3, Size.HOUR: 100, Size.DAY: 2000, Size.MONTH: 50_000}  # hours


@given(moments, st.sampled_from(Size), st.sampled_from(ZONES).map(ZoneInfo), st.floats(0.001, 1))
def test_windows_cover_a_span_without_a_gap(first, size, zone, share):
    end = first + timedelta(hours=LONGEST[size] * share)
    found = bounds(size, first, end, zone)
    assert found[0] <= first < found[1]
    assert found[-2] < end <= found[-1]
    assert all(start < next_ for start, next_ in pairwise(found))


@pytest.mark.parametrize(("month", "day", "changed"), [(3, 6, 23), (10, 30, 25)])
def test_seven_local_days_over_a_change_of_clocks_are_whole_ones(month, day, changed):
    zone = ZoneInfo("America/Los_Angeles")
    start = datetime(2025, month, day, tzinfo=zone)
    found = bounds(Size.DAY, start, start + timedelta(days=7), zone)
    lengths = [(end - start).total_seconds() / 3600 for start, end in pairwise(found)]
    assert lengths == [24, 24, 24, changed, 24, 24, 24]


def test_a_day_begins_once_though_clocks_show_the_one_before_again():
    zone = ZoneInfo("America/St_Johns")  # where they went back from a minute past midnight
    moment = datetime(2010, 11, 7, 3, tzinfo=UTC)
    assert moment.astimezone(zone).day == 6
    found = bounds(Size.DAY, moment, moment + timedelta(days=1), zone)
    assert found[0] == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)


def test_a_month_begins_at_the_first_midnight_of_the_zone():
    moment = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)  # in Berlin it is March already
    start, end = bounds(Size.MONTH, moment, moment + timedelta(1), ZoneInfo("Europe/Berlin"))
    assert start == datetime(2024, 2, 29, 23, tzinfo=UTC)
    assert end == datetime(2024, 3, 31, 22, tzinfo=UTC)


def test_hours_of_zones_with_half_hours_begin_with_their_clocks():
    moment = datetime(2026, 1, 1, 12, 10, tzinfo=UTC)
    start, *_ = bounds(Size.HOUR, moment, moment + timedelta(1), ZoneInfo("Asia/Kathmandu"))
    assert start == datetime(2026, 1, 1, 11, 15, tzinfo=UTC)


def test_a_day_that_a_zone_skipped_is_no_window():
    zone = ZoneInfo("Pacific/Apia")  # went over the date line, from the 29th to the 31st
    start = datetime(2011, 12, 29, 12, tzinfo=zone)
    found = bounds(Size.DAY, start, datetime(2011, 12, 31, 12, tzinfo=zone), zone)
    assert [one.astimezone(zone).day for one in found] == [29, 31, 1]


def test_too_many_windows_are_refused():
    first = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(TooManyWindows, match="shorter span"):
        bounds(Size.MINUTE, first, datetime(9999, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
