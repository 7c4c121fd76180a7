"""Amounts that other billing systems' own tests and documentation state, worked out by ours.

What is no price of a single charge is made of several: a sum over parts or buckets, a difference of
what was known at two times, a share of a period, a whole bill.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from billing.exact import ROUNDING, ZERO, exactly
from billing.invoicing.charging.bill import Credit, Discount, Taxable, TaxLine, make_bill
from billing.invoicing.charging.lines import Kind, fee
from billing.metering.folding.fold import Change, fold
from billing.periods import microseconds
from billing.pricing.currencies import round_amount
from billing.pricing.prices import (
    Conversion,
    Flat,
    Graduated,
    Package,
    Percentage,
    PerUnit,
    Price,
    Rounding,
    Terms,
    Volume,
)
from billing.pricing.rating import Usage, convert, rate
from billing.pricing.tiers import Tier, Tiers

Params = Mapping[str, Any]
ROUNDINGS = {
    "ceil": Rounding.UP,
    "floor": Rounding.DOWN,
    "round": Rounding.HALF_UP,
    "half_up": Rounding.HALF_UP,
    "down": Rounding.DOWN,
}
ONE = Decimal(1)


def number(params: Params, name: str, default: Decimal | None = None) -> Decimal | None:
    value = params.get(name)
    return default if value is None else Decimal(value)


def needed(params: Params, name: str, default: Decimal = ZERO) -> Decimal:
    return number(params, name, default) or ZERO


def share(params: Params, name: str) -> Decimal:
    return needed(params, name).scaleb(-2)


def tiers(params: Params) -> Tiers:
    return Tiers(
        tuple(
            Tier(
                number(row, "up_to"),
                share(row, "rate_percent") if "rate_percent" in row else needed(row, "unit_amount"),
                needed(row, "flat_amount"),
                number(row, "cap"),
            )
            for row in params["tiers"]
        )
    )


def on_zero(params: Params) -> bool:
    return bool(params.get("flat_on_zero", True))


PRICES: dict[str, Callable[[Params], Price]] = {
    "flat": lambda params: Flat(needed(params, "amount")),
    "per_unit": lambda params: PerUnit(needed(params, "unit_amount")),
    "multiplier": lambda params: PerUnit(needed(params, "multiplier")),
    "graduated": lambda params: Graduated(tiers(params), on_zero(params)),
    "graduated_percentage": lambda params: Graduated(tiers(params), on_zero(params)),
    "volume": lambda params: Volume(tiers(params), on_zero(params)),
    "package": lambda params: Package(
        needed(params, "amount"),
        needed(params, "package_size"),
        needed(params, "free_units"),
        ROUNDINGS[params.get("rounding", "ceil")],
    ),
    "percentage": lambda params: Percentage(
        share(params, "rate_percent"),
        needed(params, "fixed_amount"),
        params.get("free_events"),
        number(params, "free_amount"),
        number(params, "per_transaction_min"),
        number(params, "per_transaction_max"),
    ),
}


def terms(model: str, params: Params) -> Terms:
    conversion = None
    if "divide_by" in params:
        rounding = ROUNDINGS[params["quantity_rounding"]]
        conversion = Conversion(needed(params, "divide_by"), rounding)
    return Terms(
        PRICES[model](params),
        conversion=conversion,
        discount=share(params, "discount_percent"),
        minimum=number(params, "minimum_amount"),
        maximum=number(params, "maximum_amount"),
    )


def charge(model: str, params: Params, units: Any) -> Decimal:
    events = [Decimal(one) for one in units] if isinstance(units, list) else []
    quantity = sum(events, ZERO) if events or isinstance(units, list) else Decimal(units)
    return rate(Usage(quantity, events), terms(model, params)).amount


def sum_of_parts(params: Params, units: Mapping[str, str]) -> Decimal:
    parts = params["parts"].items()
    return sum((charge(model, part, units[name]) for name, (model, part) in parts), ZERO)


def sum_of_buckets(params: Params, units: Sequence[str]) -> Decimal:
    return sum((charge(params["inner_model"], params, one) for one in units), ZERO)


def what_came_late(params: Params, units: Sequence[str]) -> Decimal:
    before, after = (charge(params["inner_model"], params, known) for known in units)
    return after - before


def tier_of_full_units(params: Params, units: Mapping[str, str]) -> Decimal:
    """The tier is that of the units as if they had been there all along."""
    prices = tiers(params)
    own = prices.each[prices.reached(Decimal(units["full_units"]))]
    alone = Tiers((Tier(None, own.unit_price, own.flat_fee),))
    return rate(Usage(Decimal(units["prorated_units"])), Terms(Volume(alone))).amount


def change_of_plan(params: Params, units: None) -> Decimal:
    """Each leg is a line, and so is rounded by itself."""
    share_left = ROUNDING.divide(
        Decimal(params["days_remaining"]), Decimal(params["days_in_period"])
    )
    legs = (Decimal(params["new_amount"]), -Decimal(params["old_amount"]))
    return sum((round_amount(ROUNDING.multiply(leg, share_left), "USD") for leg in legs), ZERO)


def average_level(params: Params, units: Sequence[Params]) -> Decimal:
    """The integral over time of metering, divided by the time."""
    owner = UUID(int=1)
    start, end = (datetime.fromisoformat(params[name]) for name in ("from", "to"))
    changes = [
        Change(owner, "s", Decimal(one["value"]), datetime.fromisoformat(one["timestamp"]), True)
        for one in units
    ]
    with exactly():
        area = sum(
            (
                sums.area
                + sums.quantity * microseconds(end - hour.starts_at)
                - sums.quantity * 3_600_000_000
                for hour, sums in fold(changes).items()
            ),
            ZERO,
        )
    return ROUNDING.divide(area, Decimal(microseconds(end - start)))


def rounded_units(params: Params, units: str) -> Decimal:
    rounding = ROUNDINGS[params["function"]]
    return convert(Decimal(units), Conversion(ONE, rounding, params["precision"]))


def capacity(params: Params, units: Mapping[str, str]) -> Decimal:
    """The highest tier that any unit reaches decides one price: a flat fee by volume of each."""
    reached = 0
    for name, used in units.items():
        ends = [Decimal(tier["limits"][name]) for tier in params["tiers"][:-1]]
        flat = Tiers((*(Tier(end, ZERO) for end in ends), Tier(None, ZERO)))
        reached = max(reached, flat.reached(Decimal(used)))
    return Decimal(params["tiers"][reached]["amount"])


def invoice_total(params: Params, units: None) -> Decimal:
    """A wallet is prepaid credit; tax rates do not compound, each is on the same base."""
    lines = [fee(Kind.USAGE, "charge", Decimal(amount)) for amount in params["lines"]]
    charges = [replace(line, service_id=index) for index, line in enumerate(lines)]
    discounts = [
        Discount(None, "", rate=share(one, "percent"), service_id=one["line"])
        for one in params.get("line_discounts", [])
    ]
    discounts += [
        Discount(None, "", amount=Decimal(one["amount"]))
        for one in params.get("invoice_discounts", [])
    ]
    wallet = Credit(UUID(int=1), "", needed(params, "wallet"), is_prepaid=True)

    def tax(taxed: Sequence[Taxable]) -> Sequence[TaxLine]:
        base = sum((one.net for one in taxed), ZERO)
        rates = [Decimal(rate).scaleb(-2) for rate in params["tax_rates"]]
        return [TaxLine("", rate, base, round_amount(base * rate, "USD")) for rate in rates]

    return make_bill(charges, currency="USD", discounts=discounts, credits=[wallet], tax=tax).to_pay


COMPOSED: dict[str, Callable[[Any, Any], Decimal]] = {
    "invoice_total": invoice_total,
    "multi_unit_sum": sum_of_parts,
    "bucketed": sum_of_buckets,
    "delta": what_came_late,
    "prorated_volume": tier_of_full_units,
    "proration": change_of_plan,
    "time_weighted": average_level,
    "unit_rounding": rounded_units,
    "capacity": capacity,
}


def amount_of(case: Params) -> Decimal:
    model, params, units = case["model"], case["params"], case["units"]
    if model == "currency_rounding":
        if case["currency"] == "CREDITS":  # a unit of their own, and no currency
            return convert(Decimal(units), Conversion(places=case["currency_precision"]))
        return round_amount(Decimal(units), case["currency"])
    if model in COMPOSED:
        return COMPOSED[model](params, units)
    found = charge(model, params, units)
    return round_amount(found, case["currency"]) if case.get("round_to_currency") else found


def test_the_cases_of_other_billing_systems(shared: Path, subtests: pytest.Subtests) -> None:
    cases = json.loads((shared / "data" / "rating_cases.json").read_text())["cases"]
    assert len(cases) == 106
    for case in cases:
        with subtests.test(case["id"]):
            tolerance = Decimal(case.get("tolerance", 0))
            assert abs(amount_of(case) - Decimal(case["expected_amount"])) <= tolerance
