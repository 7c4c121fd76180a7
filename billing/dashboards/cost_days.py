"""What each day of a service cost: its share of the service's lines on the bill of all days. Pure.

Prices are of a period, not of a day: with tiers and allowances no hour has a price of its own. So a
day costs what its share of the quantity is of the amount, and the days add up to the bill exactly.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import accumulate

from billing.exact import ROUNDING, ZERO, exactly
from billing.invoicing.charging.rate import RatedPeriod
from billing.pricing.currencies import round_amount

Costs = Mapping[date, Decimal]


def amount_of(bill: RatedPeriod, service: int) -> Decimal | None:
    """Return what a service comes to on a bill; None where it has no line."""
    amounts = [line.amount for line in bill.lines if line.service_id == service]
    with exactly():
        return sum(amounts, ZERO) if amounts else None


def cost_per_day(amount: Decimal, used: Mapping[date, Decimal], *, currency: str) -> Costs:
    """Share an amount out by the days' quantities, rounded so that nothing is lost on the way."""
    days = sorted(used)
    with exactly():
        sums = list(accumulate(used[day] for day in days))
    if not sums or sums[-1] <= 0:
        return {}
    costs, given = {}, ZERO
    for day, so_far in zip(days, sums, strict=True):
        exact = ROUNDING.divide(ROUNDING.multiply(amount, so_far), sums[-1])
        share = round_amount(exact, currency)
        costs[day], given = share - given, share
    return costs
