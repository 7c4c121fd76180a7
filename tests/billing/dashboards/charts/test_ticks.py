"""The ticks of axes: pure."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dashboards.charts.ticks import FITTING, of_days, of_hours, of_names
from billing.periods import ONE_DAY, Days


def days(first: str, end: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("asked", "width", "text"),
    [
        (days("2026-11-01", "2026-11-04"), "few", ["1 Nov", "2 Nov", "3 Nov"]),
        (days("2026-11-01", "2026-12-01"), "few", ["1 Nov", "11 Nov", "21 Nov"]),
        (days("2026-08-01", "2026-11-01"), "few", ["Aug", "Sep", "Oct"]),
        (days("2026-05-01", "2026-11-01"), "many", ["May", "Jun", "Jul", "Aug", "Sep", "Oct"]),
        (days("2025-11-01", "2026-11-01"), "few", ["Jan 2026", "Apr", "Jul", "Oct"]),
        (
            days("2025-11-01", "2026-11-01"),
            "some",
            ["Nov 2025", "Jan 2026", "Mar", "May", "Jul", "Sep"],
        ),
        (
            days("2025-11-15", "2026-03-15"),
            "many",
            ["Dec 2025", "Jan 2026", "Feb", "Mar"],
        ),
        (days("2024-11-01", "2026-11-01"), "few", ["Jan 2025", "Jul", "Jan 2026", "Jul"]),
    ],
)
def test_some_days_have_a_name_and_of_many_the_starts_of_months(asked, width, text):
    assert of_days("en", asked)[width]["text"] == text


def test_months_are_named_as_the_language_has_them():
    year = days("2025-11-01", "2026-11-01")
    assert of_days("de", year)["many"]["text"][:3] == ["Nov 2025", "Dez", "Jan 2026"]


def test_a_month_stands_where_it_starts():
    ticks = of_days("en", days("2025-11-15", "2026-11-01"))["many"]
    assert ticks["at"][:2] == ["2025-12-01", "2026-01-01"]


@given(
    first=st.dates(min_value=date(2000, 1, 1), max_value=date(2037, 1, 1)),
    count=st.integers(1, 732),
)
def test_there_are_some_and_no_more_than_fit(first, count):
    asked = Days(first, first + ONE_DAY * count)
    for name, ticks in of_days("en", asked).items():
        assert 1 <= len(ticks["at"]) == len(ticks["text"]) <= FITTING[name]
        assert set(ticks["at"]) <= {day.isoformat() for day in asked}


@given(st.lists(st.text(min_size=1), min_size=1, max_size=40, unique=True))
def test_of_names_the_newest_is_always_there(names):
    for name, ticks in of_names(names).items():
        assert ticks["at"][-1] == names[-1]
        assert len(ticks["at"]) <= FITTING[name]


HOURS = [f"{hour:02}:00" for hour in range(24)]
IN_AUTUMN = [f"{hour:02}:00 +0200" for hour in range(3)]
IN_AUTUMN += [f"{hour:02}:00 +0100" for hour in range(2, 24)]


@pytest.mark.parametrize(
    ("hours", "width", "text"),
    [
        (HOURS, "few", ["00:00", "06:00", "12:00", "18:00"]),
        (HOURS, "some", HOURS[::3]),
        (HOURS, "many", HOURS[::2]),
        (HOURS[:9], "few", ["00:00", "03:00", "06:00"]),
        (HOURS[:3] + HOURS[4:], "some", [one for one in HOURS[::3] if one != "03:00"]),
        (IN_AUTUMN, "few", ["00:00 +0200", "12:00 +0100"]),
        (HOURS[7:8], "few", ["07:00"]),
    ],
)
def test_of_hours_are_those_that_a_clock_has_names_for(hours, width, text):
    assert of_hours(hours)[width]["text"] == text
