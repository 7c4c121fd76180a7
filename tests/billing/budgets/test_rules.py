"""How a bill stands against a budget, and where it leads."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.budgets import rules
from billing.budgets.models import Threshold
from billing.periods import Days

NOVEMBER = Days(date(2026, 11, 1), date(2026, 12, 1))
NOON_OF_THE_15TH = datetime(2026, 11, 16, tzinfo=UTC)  # half of it is over

amounts = st.decimals(min_value=0, max_value=10**12, places=2)
moments = st.integers(min_value=24, max_value=29 * 24).map(
    lambda hours: NOVEMBER.starts_at + timedelta(hours=hours)
)


def bill(*lines, now=NOON_OF_THE_15TH):
    return rules.bill(lines, days=NOVEMBER, currency="EUR", zone=UTC, now=now)


def test_usage_goes_on_as_before_and_fees_stay():
    found = bill(("usage", Decimal(30)), ("base_fee", Decimal(5)), ("discount", Decimal(-1)))
    assert (found.total, found.forecast) == (Decimal(34), Decimal(64))


def test_a_commitment_is_used_up_first():
    assert bill(("usage", Decimal(30)), ("commitment", Decimal(20))).forecast == Decimal(60)
    assert bill(("usage", Decimal(30)), ("commitment", Decimal(70))).forecast == Decimal(100)


def test_there_is_no_forecast_on_the_first_day():
    for hours, expected in [(0, None), (23, None), (24, Decimal(300))]:
        now = NOVEMBER.starts_at + timedelta(hours=hours)
        assert bill(("usage", Decimal(10)), now=now).forecast == expected


@given(usage=amounts, fee=amounts, commitment=amounts, now=moments)
def test_a_forecast_is_never_below_the_bill_to_come(usage, fee, commitment, now):
    found = bill(("usage", usage), ("base_fee", fee), ("commitment", commitment), now=now)
    assert found.total == usage + fee + commitment
    assert found.forecast >= found.total


@given(total=amounts, budget=amounts.filter(bool), more=amounts)
def test_thresholds_are_reached_to_the_cent_and_stay_reached(total, budget, more):
    found = set(rules.reached(bill(("base_fee", total)), amount=budget))
    assert (Threshold.ALL in found) == (total >= budget)
    assert (Threshold.MOST in found) == (total * 10 >= budget * 8)
    assert (Threshold.HALF in found) == (total * 2 >= budget)
    assert (Threshold.FORECAST in found) == (total > budget)
    assert found <= set(rules.reached(bill(("base_fee", total + more)), amount=budget))
