"""Days of time zones: each moment lies in one of them, also where clocks show a date twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.periods import ONE_DAY, day_of, slot_of, slot_start, start_of

ZONES = [
    *("UTC", "Europe/Berlin", "America/St_Johns", "America/Sao_Paulo", "America/Nuuk"),
    *("Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Havana"),
]
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
moments = st.integers(0, 37 * 365 * 24 * 4).map(lambda n: FIRST + timedelta(minutes=15 * n))
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(moments, zones)
def test_a_moment_lies_between_the_start_of_its_day_and_that_of_the_next(moment, zone):
    day = day_of(moment, zone)
    assert start_of(day, zone) <= moment < start_of(day + ONE_DAY, zone)


@given(moments, zones)
def test_no_day_starts_within_a_slot(moment, zone):
    start = start_of(day_of(moment, zone), zone)
    assert slot_start(start, slot_of(zone)) == start


@pytest.mark.parametrize(("minute", "day"), [(29, 6), (30, 7), (31, 7), (90, 7)])
def test_an_hour_that_clocks_show_again_after_midnight_is_of_the_new_day(minute, day):
    """At a minute past midnight they went back to 23:01, as they did in Newfoundland."""
    moment = datetime(2010, 11, 7, 2, tzinfo=UTC) + timedelta(minutes=minute)
    assert day_of(moment, ZoneInfo("America/St_Johns")).day == day
