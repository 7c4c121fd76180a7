"""Rating is pure: nothing here touches the database."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

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
from billing.pricing.rating import Rated, Usage, rate
from billing.pricing.tiers import Step, Tier, Tiers
from tests.billing.pricing.numbers import (
    any_tiers,
    decimals,
    ends_of,
    exact_difference,
    exact_sum,
    prices,
    quantities,
    steps,
    total,
)

TWO_TIERS = Tiers((Tier(Decimal(10), Decimal("0.5")), Tier(None, Decimal("0.2"))))
ZERO, ONE = Decimal(0), Decimal(1)


def step(start: str, up_to: str | None, quantity: str, price: str, amount: str) -> Step:
    end = Decimal(up_to) if up_to else None
    return Step(Decimal(start), end, Decimal(quantity), Decimal(price), Decimal(amount))


def shown(found: Rated) -> list[tuple[str, Decimal, Decimal]]:
    """Return of each step of the working its kind, its quantity and its amount."""
    return [(row.kind, row.quantity, row.amount) for row in found.working]


def rows(*each: tuple[str, str, str]) -> list[tuple[str, Decimal, Decimal]]:
    return [(kind, Decimal(quantity), Decimal(amount)) for kind, quantity, amount in each]


def rated(quantity: Decimal | str, price: Price, **terms: object) -> Rated:
    return rate(Usage(Decimal(quantity)), Terms(price, **terms))  # type: ignore[arg-type]


class TestGraduated:
    def test_prices_each_unit_at_its_own_tier_and_shows_the_working(self) -> None:
        found = rated("12.5", Graduated(TWO_TIERS))
        assert found.amount == Decimal("5.5")
        assert found.working == (
            step("0", "10", "10", "0.5", "5"),
            step("10", None, "2.5", "0.2", "0.5"),
        )

    def test_an_end_belongs_to_the_tier_that_it_ends(self) -> None:
        tiers = Tiers((Tier(Decimal(10), ONE), Tier(None, Decimal(100), flat_fee=ONE)))
        assert rated("10", Graduated(tiers)).amount == 10
        assert len(rated("10", Graduated(tiers)).working) == 1
        assert rated("10.000000000001", Graduated(tiers)).amount == Decimal("11.0000000001")

    @given(quantities, any_tiers())
    def test_leaves_no_gap(self, quantity: Decimal, tiers: Tiers) -> None:
        working = rated(quantity, Graduated(tiers)).working
        assert total(row.quantity for row in working) == Fraction(quantity)
        for row, following in pairwise(working):
            assert row.up_to == following.start

    @given(quantities, any_tiers(with_fees=True))
    def test_is_what_going_through_the_tiers_one_by_one_gives(
        self, quantity: Decimal, tiers: Tiers
    ) -> None:
        amount, start = Fraction(0), Fraction(0)
        for number, tier in enumerate(tiers.each):
            end = Fraction(quantity if tier.up_to is None else min(quantity, tier.up_to))
            if number and end <= start:
                break
            units = (end - start) * Fraction(tier.unit_price)
            capped = units if tier.cap is None else min(units, Fraction(tier.cap))
            amount += capped + Fraction(tier.flat_fee)
            start = end
        assert Fraction(rated(quantity, Graduated(tiers)).amount) == amount

    @given(quantities, quantities, any_tiers(with_fees=True))
    def test_never_costs_less_for_more(self, one: Decimal, other: Decimal, tiers: Tiers) -> None:
        less, more = sorted([one, other])
        assert rated(less, Graduated(tiers)).amount <= rated(more, Graduated(tiers)).amount

    @given(decimals(40, 12), decimals(40, 12), any_tiers())
    def test_can_be_split_anywhere(self, a: Decimal, b: Decimal, tiers: Tiers) -> None:
        """What b costs on top of a is its units in the tiers that a has left over."""
        whole = rated(exact_sum(a, b), Graduated(tiers)).amount
        left = [
            Tier(None if tier.up_to is None else exact_difference(tier.up_to, a), tier.unit_price)
            for tier in tiers.each
            if tier.up_to is None or tier.up_to > a
        ]
        parts = [
            rated(a, Graduated(tiers)).amount,
            rated(b, Graduated(Tiers(tuple(left)))).amount,
        ]
        assert total(parts) == Fraction(whole)

    @given(quantities, prices, st.lists(steps, max_size=5))
    def test_of_one_price_costs_what_a_single_unit_price_does(
        self, quantity: Decimal, price: Decimal, widths: list[Decimal]
    ) -> None:
        tiers = Tiers(tuple(Tier(end, price) for end in ends_of(widths)))
        assert rated(quantity, Graduated(tiers)).amount == rated(quantity, PerUnit(price)).amount

    @pytest.mark.parametrize(("is_due", "amount"), [(True, 2), (False, 0)])
    def test_has_a_flat_fee_without_usage_unless_told_otherwise(
        self, is_due: bool, amount: int
    ) -> None:
        tiers = Tiers((Tier(None, ONE, flat_fee=Decimal(2)),))
        assert rated("0", Graduated(tiers, flat_fee_on_zero=is_due)).amount == amount
        assert rated("1", Graduated(tiers, flat_fee_on_zero=is_due)).amount == 3

    def test_shows_what_a_cap_takes_off(self) -> None:
        tiers = Tiers((Tier(Decimal(4), ONE, cap=Decimal(3)), Tier(None, Decimal(2))))
        found = rated("5", Graduated(tiers))
        assert found.amount == 5
        assert shown(found) == rows(("units", "4", "4"), ("cap", "1", "-1"), ("units", "1", "2"))


class TestVolume:
    @given(quantities, any_tiers())
    def test_is_the_unit_price_of_the_tier_that_all_units_reach(
        self, quantity: Decimal, tiers: Tiers
    ) -> None:
        own = next(t for t in tiers.each if t.up_to is None or quantity <= t.up_to)
        found = rated(quantity, Volume(tiers))
        assert found.amount == rated(quantity, PerUnit(own.unit_price)).amount
        assert found.working[0].quantity == quantity

    def test_can_cost_less_for_more(self) -> None:
        tiers = Tiers((Tier(Decimal(10), ONE), Tier(None, Decimal("0.5"))))
        assert rated("10", Volume(tiers)).amount == 10
        assert rated("10.5", Volume(tiers)).amount == Decimal("5.25")


class TestPackage:
    @given(quantities, prices, steps, decimals(18, 12))
    def test_counts_a_package_that_is_begun(
        self, quantity: Decimal, price: Decimal, size: Decimal, free: Decimal
    ) -> None:
        packages = ceil(max(Fraction(quantity) - Fraction(free), Fraction(0)) / Fraction(size))
        found = rated(quantity, Package(price, size, free))
        assert Fraction(found.amount) == packages * Fraction(price)

    def test_counts_only_whole_ones_where_it_is_rounded_down(self) -> None:
        package = Package(Decimal(3), Decimal(100), rounding=Rounding.DOWN)
        assert rated("250", package).amount == 6


class TestPercentage:
    PRICE = Percentage(Decimal("0.01"), fee=Decimal("0.3"), free_events=1)

    def of(self, *events: str) -> Rated:
        quantities = [Decimal(event) for event in events]
        return rate(Usage(sum(quantities, ZERO), quantities), Terms(self.PRICE))

    def test_takes_a_share_and_a_fee_of_each_event_that_is_not_free(self) -> None:
        found = self.of("500", "100", "50")
        assert found.amount == Decimal("2.1")
        assert shown(found) == rows(
            ("allowance", "500", "0"), ("units", "150", "1.5"), ("fee", "2", "0.6")
        )

    def test_gives_back_the_share_of_a_refund_and_no_fee(self) -> None:
        assert self.of("500", "100", "-50").amount == Decimal("0.8")

    @given(st.lists(decimals(12, 4), max_size=8), prices, prices, prices)
    def test_bounds_each_event(
        self, events: list[Decimal], share: Decimal, one: Decimal, other: Decimal
    ) -> None:
        assume(share <= 1)
        least, most = sorted([one, other])
        price = Percentage(share, at_least=least, at_most=most)
        found = rate(Usage(ZERO, events), Terms(price)).amount
        each = [
            min(max(Fraction(event) * Fraction(share), Fraction(least)), Fraction(most))
            for event in events
        ]
        assert Fraction(found) == sum(each, Fraction(0))


class TestTerms:
    def test_are_applied_in_their_order(self) -> None:
        """2.7 thousand are 3; one is free; two at 10 are 20; less a tenth 18; at most 15."""
        found = rated(
            "2700",
            PerUnit(Decimal(10)),
            conversion=Conversion(Decimal(1000), Rounding.UP),
            allowance=ONE,
            discount=Decimal("0.1"),
            maximum=Decimal(15),
        )
        assert shown(found) == rows(
            ("allowance", "1", "0"),
            ("units", "2", "20"),
            ("discount", "20", "-2"),
            ("maximum", "1", "-3"),
        )
        assert found.amount == 15

    def test_fill_up_to_the_minimum(self) -> None:
        found = rated("3", PerUnit(ONE), minimum=Decimal(5))
        assert shown(found) == rows(("units", "3", "3"), ("minimum", "1", "2"))

    def test_of_a_flat_price_come_to_it_whatever_was_used(self) -> None:
        assert rated("0", Flat(Decimal(9))).amount == rated("77", Flat(Decimal(9))).amount == 9
