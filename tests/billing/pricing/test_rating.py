"""Rating is pure: nothing here touches the database."""

import json
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.exact import exactly
from billing.pricing.rating import (
    InvalidTiers,
    Tier,
    TierUse,
    UnknownCurrency,
    rate,
    round_amount,
)

# What the cases also use and rating does not have yet. A case without these must pass.
NOT_YET = {
    "minimum_amount",
    "maximum_amount",
    "discount_percent",
    "divide_by",
    "quantity_rounding",
    "flat_amount",
    "cap",
}


def decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    numbers = st.integers(0, 10**digits - 1)
    # From text, because everything else rounds to the context's 28 digits.
    return st.builds(lambda n, p: Decimal(f"{n}e-{p}"), numbers, st.integers(0, places))


quantities = decimals(60, 12)
prices = decimals(30, 12)
steps = decimals(18, 12).filter(bool)


def ends_of(widths: list[Decimal]) -> list[Decimal | None]:
    with exactly():  # 28 digits would let two ends fall together
        return [*accumulate(widths), None]


@st.composite
def tier_lists(draw: st.DrawFn) -> list[Tier]:
    widths = draw(st.lists(steps, max_size=6))
    return [Tier(end, draw(prices)) for end in ends_of(widths)]


def use(start: str, up_to: str | None, *rest: str) -> TierUse:
    return TierUse(Decimal(start), Decimal(up_to) if up_to else None, *map(Decimal, rest))


class TestRate:
    def test_prices_each_unit_at_its_own_tier_and_shows_the_working(self) -> None:
        tiers = [Tier(Decimal(10), Decimal("0.5")), Tier(None, Decimal("0.2"))]

        rated = rate(quantity=Decimal("12.5"), tiers=tiers)

        assert rated.amount == Decimal("5.5")
        assert rated.working == (
            use("0", "10", "10", "0.5", "5"),
            use("10", None, "2.5", "0.2", "0.5"),
        )

    def test_an_end_belongs_to_the_tier_that_it_ends(self) -> None:
        tiers = [Tier(Decimal(10), Decimal(1)), Tier(None, Decimal(100))]
        assert rate(quantity=Decimal(10), tiers=tiers).amount == 10
        assert len(rate(quantity=Decimal(10), tiers=tiers).working) == 1

    @pytest.mark.parametrize("quantity", [Decimal(0), Decimal(-5)])
    def test_nothing_costs_nothing_and_neither_does_less(self, quantity: Decimal) -> None:
        rated = rate(quantity=quantity, tiers=[Tier(None, Decimal(3))])
        assert rated.amount == 0
        assert rated.working == (use("0", None, "0", "3", "0"),)

    @given(quantities, tier_lists())
    def test_the_working_adds_up_and_leaves_no_gap(
        self, quantity: Decimal, tiers: list[Tier]
    ) -> None:
        rated = rate(quantity=quantity, tiers=tiers)
        assert total(row.amount for row in rated.working) == Fraction(rated.amount)
        assert total(row.quantity for row in rated.working) == Fraction(quantity)
        for row, following in zip(rated.working, rated.working[1:], strict=False):
            assert row.up_to == following.start

    @given(quantities, quantities, tier_lists())
    def test_more_never_costs_less(self, one: Decimal, other: Decimal, tiers: list[Tier]) -> None:
        less, more = sorted([one, other])
        assert rate(quantity=less, tiers=tiers).amount <= rate(quantity=more, tiers=tiers).amount

    @given(decimals(40, 12), decimals(40, 12), tier_lists())
    def test_splitting_at_any_point_adds_up(
        self, a: Decimal, b: Decimal, tiers: list[Tier]
    ) -> None:
        """What b costs on top of a is its units in the tiers that a has left over."""
        whole = rate(quantity=exact_sum(a, b), tiers=tiers).amount
        left = [
            Tier(None if tier.up_to is None else exact_difference(tier.up_to, a), tier.unit_price)
            for tier in tiers
            if tier.up_to is None or tier.up_to > a
        ]
        parts = [rate(quantity=a, tiers=tiers).amount, rate(quantity=b, tiers=left).amount]
        assert total(parts) == Fraction(whole)

    @given(quantities, prices, st.lists(steps, max_size=5))
    def test_tiers_of_one_price_cost_what_a_single_tier_costs(
        self, quantity: Decimal, price: Decimal, widths: list[Decimal]
    ) -> None:
        tiered = rate(quantity=quantity, tiers=[Tier(end, price) for end in ends_of(widths)])
        per_unit = rate(quantity=quantity, tiers=[Tier(None, price)])
        assert tiered.amount == per_unit.amount
        assert Fraction(per_unit.amount) == Fraction(quantity) * Fraction(price)


class TestCheckTiers:
    @pytest.mark.parametrize(
        ("tiers", "message"),
        [
            ([], "The last tier must be without end"),
            ([Tier(Decimal(5), Decimal(1))], "The last tier must be without end"),
            ([Tier(None, Decimal(1)), Tier(None, Decimal(1))], "Only the last tier"),
            ([Tier(Decimal(0), Decimal(1)), Tier(None, Decimal(1))], "the first above zero"),
            (
                [
                    Tier(Decimal(5), Decimal(1)),
                    Tier(Decimal(5), Decimal(1)),
                    Tier(None, Decimal(1)),
                ],
                "Each tier must end above",
            ),
            ([Tier(None, Decimal("-0.1"))], "must not be below zero"),
        ],
    )
    def test_refuses_in_one_sentence(self, tiers: list[Tier], message: str) -> None:
        with pytest.raises(InvalidTiers, match=message):
            rate(quantity=Decimal(1), tiers=tiers)


class TestRoundAmount:
    @pytest.mark.parametrize(
        ("amount", "currency", "rounded"),
        [
            ("0.125", "EUR", "0.13"),
            ("-0.125", "EUR", "-0.13"),
            ("0.1249999999999999999999999999999999", "EUR", "0.12"),
            ("1.5", "JPY", "2"),
            ("1.0005", "KWD", "1.001"),
            ("1.0005", "IQD", "1.001"),  # three places by ISO 4217, whatever is in use
            ("1.005", "RSD", "1.01"),
            ("1.23456", "CLF", "1.2346"),
            ("9" * 60 + ".995", "EUR", "1" + "0" * 60 + ".00"),
        ],
    )
    def test_is_half_up_to_the_minor_unit(self, amount: str, currency: str, rounded: str) -> None:
        assert str(round_amount(Decimal(amount), currency)) == rounded

    @pytest.mark.parametrize("currency", ["CREDITS", "eur", ""])
    def test_refuses_what_is_no_currency(self, currency: str) -> None:
        with pytest.raises(UnknownCurrency):
            round_amount(Decimal(1), currency)


def test_the_cases_of_other_billing_systems(shared: Path, subtests: pytest.Subtests) -> None:
    path = shared / "data" / "rating_cases.json"
    cases = json.loads(path.read_text())["cases"]
    ours = [case for case in cases if case["model"] in {"per_unit", "graduated"}]
    assert len(ours) == 33
    for case in ours:
        with subtests.test(case["id"]):
            if missing := sorted(_used(case["params"]) & NOT_YET):
                pytest.skip(f"{case['id']} needs {', '.join(missing)}: not rated yet")
            rated = rate(quantity=Decimal(case["units"]), tiers=_tiers(case["params"])).amount
            assert rated == Decimal(case["expected_amount"])
            if case["currency"]:
                assert round_amount(rated, case["currency"]) == rated


def _used(params: dict[str, Any]) -> set[str]:
    """Return the settings that say something; a flat fee of zero does not."""
    settings = [*params.items(), *(item for tier in _rows(params) for item in tier.items())]
    return {name for name, value in settings if name in NOT_YET and value != "0"}


def _rows(params: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = params.get("tiers") or [
        {"up_to": None, "unit_amount": params["unit_amount"]}
    ]
    return rows


def _tiers(params: dict[str, Any]) -> list[Tier]:
    return [
        Tier(row["up_to"] and Decimal(row["up_to"]), Decimal(row["unit_amount"]))
        for row in _rows(params)
    ]


# The tests add up fractions, so that they share no arithmetic with what they test.
def total(numbers: Iterable[Decimal]) -> Fraction:
    return sum(map(Fraction, numbers), Fraction(0))


def exact_sum(one: Decimal, other: Decimal) -> Decimal:
    with exactly():
        return one + other


def exact_difference(one: Decimal, other: Decimal) -> Decimal:
    with exactly():
        return one - other
