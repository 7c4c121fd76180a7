from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.charging.schedule import Cycle, cycle_of
from billing.periods import Days

days = st.dates(date(2001, 1, 1), date(2099, 1, 1))


@pytest.mark.parametrize(
    ("months", "anchor", "day", "first", "end"),
    [
        (1, None, "2026-02-28", "2026-02-01", "2026-03-01"),
        (3, None, "2026-05-31", "2026-04-01", "2026-07-01"),
        (12, None, "2026-12-31", "2026-01-01", "2027-01-01"),
        (1, "2026-01-31", "2026-02-27", "2026-01-31", "2026-02-28"),
        (1, "2026-01-31", "2026-02-28", "2026-02-28", "2026-03-31"),
        (1, "2026-01-15", "2026-01-14", "2025-12-15", "2026-01-15"),
        (3, "2025-11-10", "2026-02-10", "2026-02-10", "2026-05-10"),
        (12, "2024-02-29", "2026-02-28", "2026-02-28", "2027-02-28"),
    ],
)
def test_the_period_of_a_day(months, anchor, day, first, end):
    cycle = Cycle(months, anchor and date.fromisoformat(anchor))
    expected = Days(date.fromisoformat(first), date.fromisoformat(end))
    assert cycle.period_of(date.fromisoformat(day)) == expected


@given(days, st.none() | days, st.sampled_from([1, 3, 12]))
def test_periods_have_every_day_once(day, anchor, months):
    cycle = Cycle(months, anchor)
    period = cycle.period_of(day)
    assert period.first <= day < period.end
    assert cycle.after(period).first == period.end
    assert cycle.period_of(period.last) == cycle.period_of(period.first) == period
    assert cycle.period_of(period.first - timedelta(days=1)).end == period.first


def test_a_plan_names_its_cycle():
    on = date(2026, 3, 9)
    assert cycle_of(billing_period="quarterly", anchor="calendar", subscribed_on=on) == Cycle(3)
    assert cycle_of(billing_period="yearly", anchor="anniversary", subscribed_on=on) == Cycle(
        12, on
    )
