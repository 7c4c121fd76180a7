"""Reading days from an address: pure."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.dashboards.ranges import EARLIEST, MOST_DAYS, PRESETS, read_range
from billing.periods import ONE_DAY, Days

TODAY = date(2026, 11, 23)
NOVEMBER = Days(date(2026, 11, 1), date(2026, 12, 1))
OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))


def days(first: str, end: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(end))


class TestReadRange:
    def test_is_this_month_up_to_today_when_nothing_is_asked(self):
        asked = read_range({}, today=TODAY)
        assert asked.preset == "this-month"
        assert asked.days == days("2026-11-01", "2026-11-24")
        assert asked.shown == NOVEMBER
        assert asked.before == OCTOBER
        assert not asked.message

    def test_compares_whole_days_only(self):
        asked = read_range({}, today=TODAY)
        assert asked.compared == days("2026-11-01", "2026-11-23")
        assert asked.compared_with == days("2026-10-01", "2026-10-23")

    def test_compares_nothing_while_no_day_is_over(self):
        asked = read_range({}, today=date(2026, 11, 1))
        assert asked.compared is None
        assert asked.compared_with is None

    def test_compares_as_many_days_when_the_month_before_is_shorter(self):
        asked = read_range({}, today=date(2026, 3, 31))
        assert asked.compared == days("2026-03-01", "2026-03-29")
        assert asked.compared_with == days("2026-02-01", "2026-03-01")

    def test_compares_rolling_days_with_those_right_before(self):
        asked = read_range({"range": "7d"}, today=TODAY)
        assert asked.days == days("2026-11-17", "2026-11-24")
        assert asked.before == days("2026-11-10", "2026-11-17")

    def test_compares_last_month_with_the_one_before(self):
        asked = read_range({"range": "last-month"}, today=TODAY)
        assert asked.days == OCTOBER
        assert asked.before == days("2026-09-01", "2026-10-01")

    @pytest.mark.parametrize(
        ("preset", "first", "before"),
        [
            ("3m", "2026-08-01", "2026-05-01"),
            ("6m", "2026-05-01", "2025-11-01"),
            ("12m", "2025-11-01", "2024-11-01"),
        ],
    )
    def test_ends_with_the_last_month_where_months_are_asked_for(self, preset, first, before):
        asked = read_range({"range": preset}, today=TODAY)
        assert asked.days == asked.shown == days(first, "2026-11-01")
        assert asked.before == days(before, first)

    def test_compares_as_many_days_of_months_that_differ_in_length(self):
        asked = read_range({"range": "3m"}, today=date(2026, 5, 9))
        assert asked.compared == days("2026-02-01", "2026-05-01")  # 89, of which there were 92
        assert asked.compared_with == days("2025-11-01", "2026-01-29")

    def test_knows_a_calendar_month_by_its_days(self):
        asked = read_range({"from": "2026-10-01", "to": "2026-10-31"}, today=TODAY)
        assert asked.days == OCTOBER
        assert asked.before == days("2026-09-01", "2026-10-01")

    def test_ends_today_when_asked_for_days_to_come(self):
        asked = read_range({"from": "2026-11-20", "to": "2026-12-24"}, today=TODAY)
        assert asked.days == days("2026-11-20", "2026-11-24")

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            ({"range": "forever"}, "no range called “forever”"),
            ({"from": "yesterday", "to": "2026-11-01"}, "“yesterday” is not a date"),
            ({"from": "2026-11-01"}, "A date is missing"),
            ({"from": "2026-11-05", "to": "2026-11-01"}, "must not come after"),
            ({"from": "2027-01-01", "to": "2027-01-05"}, "in the future"),
            ({"from": "1999-01-01", "to": "2026-01-01"}, "no figures before 2000"),
            ({"from": "2020-01-01", "to": "2026-01-01"}, "At most 732 days"),
        ],
    )
    def test_says_what_is_wrong_and_shows_this_month(self, asked, reason):
        answer = read_range(asked, today=TODAY)
        assert reason in answer.message
        assert answer.shown == NOVEMBER

    @settings(deadline=None)  # a busy machine is no failure
    @given(
        asked=st.dictionaries(
            st.sampled_from(["from", "to", "range"]),
            st.one_of(
                st.text("0123456789-dé<", max_size=12),
                st.dates().map(str),
                st.sampled_from(list(PRESETS)),
            ),
        ),
        today=st.dates(min_value=date(2001, 1, 1), max_value=date(9000, 1, 1)),
    )
    def test_never_fails_and_reads_days_without_a_gap(self, asked, today):
        answer = read_range(asked, today=today)
        assert EARLIEST <= answer.days.first <= answer.days.last <= today
        assert len(answer.days) <= MOST_DAYS
        assert answer.before.end == answer.days.first
        assert answer.shown.first == answer.days.first
        assert answer.shown.end >= answer.days.end

    @settings(deadline=None)  # a busy machine is no failure
    @given(
        asked=st.sampled_from([{}, *({"range": name} for name in PRESETS)]),
        today=st.dates(min_value=date(2001, 1, 1), max_value=date(9000, 1, 1)),
    )
    def test_compares_as_many_days_that_are_over_on_either_side(self, asked, today):
        answer = read_range(asked, today=today)
        if answer.compared is None or answer.compared_with is None:
            assert answer.days.first == today
        else:
            assert len(answer.compared) == len(answer.compared_with)
            assert answer.compared.last <= today - ONE_DAY
            assert answer.compared_with.end <= answer.compared.first
