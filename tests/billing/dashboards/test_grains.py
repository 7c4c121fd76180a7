"""Days put together by week and month: pure."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dashboards.grains import GRAINS, beside, folded, grain_for, names_of, places_of
from billing.dashboards.metrics import LAST, MEAN, MOST, SUM, metric_of
from billing.dashboards.ranges import PRESETS, read_range
from billing.metering.models import Service
from billing.periods import Days

TODAY = date(2026, 11, 23)  # a Monday
amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
grains = st.sampled_from(GRAINS)


@st.composite
def spans(draw: st.DrawFn) -> Days:
    first = draw(st.dates(date(2024, 1, 1), date(2027, 1, 1)))
    return Days(first, first + timedelta(draw(st.integers(1, 400))))


@given(days=spans(), grain=grains)
def test_places_are_all_the_days_and_each_day_once(days, grain):
    assert [day for place in places_of(days, grain) for day in place] == list(days)


@given(days=spans(), grain=grains)
def test_each_place_has_a_name_of_its_own(days, grain):
    names = names_of("en", days, grain, days.last)
    assert list(names) == [place.first for place in places_of(days, grain)]
    assert len(set(names.values())) == len(names)


@given(days=spans(), grain=grains, each=st.lists(amounts, min_size=400, max_size=400))
def test_sums_of_places_come_to_the_sum_of_the_days(days, grain, each):
    values = dict(zip(days, each, strict=False))
    places = places_of(days, grain)
    assert sum(folded(values, places, SUM).values()) == sum(values.values())
    for first, mean in folded(values, places, MEAN).items():
        own = [values[day] for place in places if place.first == first for day in place]
        assert min(own) - Decimal("1e-9") <= mean <= max(own) + Decimal("1e-9")


@pytest.mark.parametrize(("fold", "expected"), [(SUM, 9), (MEAN, 3), (MOST, 5), (LAST, 3)])
def test_a_week_is_what_its_days_come_to(fold, expected):
    week = Days(date(2026, 11, 2), date(2026, 11, 5))
    values = dict(zip(week, map(Decimal, (1, 5, 3)), strict=True))
    assert folded(values, [week], fold) == {week.first: expected}


def test_of_days_that_are_not_known_there_is_nothing():
    assert folded({}, places_of(Days(TODAY, date(2026, 12, 9)), "week"), MEAN) == {}


@pytest.mark.parametrize(
    ("aggregation", "fold"),
    [("sum", SUM), ("level", SUM), ("peak", MOST), ("latest", LAST), ("unique_count", MEAN)],
)
def test_what_is_no_sum_is_not_added_up(aggregation, fold):
    assert metric_of(Service(aggregation=aggregation)).fold == fold


@pytest.mark.parametrize(
    ("preset", "grain"),
    [("this-month", "day"), ("90d", "day"), ("3m", "day"), ("6m", "week"), ("12m", "month")],
)
def test_bars_are_as_long_as_a_phone_has_room_for(preset, grain):
    assert read_range({"range": preset}, today=TODAY).by("").grain == grain
    assert grain_for(read_range({"range": preset}, today=TODAY).shown) == grain


def test_what_the_edge_of_a_range_cuts_says_so():
    asked = read_range({"from": "2026-10-30", "to": "2026-11-23"}, today=TODAY)
    assert list(asked.by("week").names.values()) == [
        "30 Oct – 1 Nov (part of a week)",
        "2–8 Nov",
        "9–15 Nov",
        "16–22 Nov",
        "23 Nov (part of a week, so far)",
    ]
    assert list(asked.by("month").names.values()) == [
        "30–31 Oct (part of a month)",
        "1–23 Nov (part of a month, so far)",
    ]


def test_a_month_that_goes_on_is_whole_and_so_far():
    assert list(read_range({}, today=TODAY).by("month").names.values()) == ["Nov 2026 (so far)"]


def test_months_are_compared_with_months():
    before = Days(date(2025, 12, 1), date(2026, 2, 1))
    shown = Days(before.end, date(2026, 4, 1))
    assert beside(shown, before, "month") == places_of(before, "month")


@given(preset=st.sampled_from(list(PRESETS)), grain=st.sampled_from(("day", "week")))
def test_else_as_many_days_are_compared_with_as_many_as_far_as_there_are_any(preset, grain):
    asked = read_range({"range": preset}, today=TODAY).by(grain)
    pairs = list(zip(asked.shown_places, asked.before_places, strict=False))
    for place, before in pairs[:-1]:
        assert len(before) == len(place)
    assert pairs[0][1].first == asked.before.first
    assert pairs[-1][1].end <= asked.before.end
