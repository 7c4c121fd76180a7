"""How a bill to come stands against a budget. Pure.

The forecast is linear: what usage costs so far goes on at the pace of the period until now, and
everything else on the bill (fees, discounts, corrections, credit) stays as it is. What falls short
of a minimum commitment is used up first. Tiers, allowances and discounts by percentage bend this
line, so it is a forecast and no price. There is none on the first day of a period.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from billing.budgets.models import Threshold
from billing.exact import ZERO, exactly, rounding
from billing.invoicing.charging.lines import Kind
from billing.periods import ONE_DAY, Days, microseconds
from billing.pricing.currencies import round_amount

IN_PERCENT = {Threshold.HALF: 50, Threshold.MOST: 80, Threshold.ALL: 100}


@dataclass(frozen=True, slots=True)
class Bill:
    """What a running period comes to: the sum of its lines, and its forecast at the end."""

    days: Days
    currency: str
    total: Decimal
    forecast: Decimal | None


def bill(
    lines: Iterable[tuple[str, Decimal]],
    *,
    days: Days,
    currency: str,
    zone: tzinfo,
    now: datetime,
) -> Bill:
    """Add up lines, each of a kind (lines.py) and an amount, and say where they lead."""
    sums: dict[str, Decimal] = {}
    with exactly():
        for kind, amount in lines:
            sums[kind] = sums.get(kind, ZERO) + amount
        total = sum(sums.values(), ZERO)
    growth = _growth(sums.get(Kind.USAGE, ZERO), days, zone, now)
    if growth is None:
        return Bill(days, currency, total, None)
    with rounding():
        more = max(growth - sums.get(Kind.COMMITMENT, ZERO), ZERO)
        return Bill(days, currency, total, round_amount(total + more, currency))


def reached(bill: Bill, *, amount: Decimal) -> list[Threshold]:
    """Return the thresholds of a budget of ``amount`` that a bill has reached, the least first."""
    found = []
    with exactly():
        for threshold in Threshold:
            if threshold == Threshold.FORECAST:
                is_reached = bill.forecast is not None and bill.forecast > amount
            else:
                is_reached = bill.total * 100 >= amount * IN_PERCENT[threshold]
            if is_reached:
                found.append(threshold)
    return found


def _growth(usage: Decimal, days: Days, zone: tzinfo, now: datetime) -> Decimal | None:
    """Return what usage still adds until the period ends; None while a day of it is not over."""
    starts, ends = days.starts_in(zone), days.ends_in(zone)
    if now - starts < ONE_DAY:
        return None
    to_come = max(microseconds(ends - now), 0)
    with rounding():
        return max(usage, ZERO) * to_come / microseconds(now - starts)
