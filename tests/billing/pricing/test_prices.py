"""What would not price every quantity exactly once cannot be made."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from billing.pricing.prices import (
    Conversion,
    Flat,
    Graduated,
    Package,
    Percentage,
    PerUnit,
    Rounding,
    Terms,
    Volume,
)
from billing.pricing.tiers import InvalidPrice, Tier, Tiers

ONE, TWO, LESS = Decimal(1), Decimal(2), Decimal("-0.1")
END = Tier(None, ONE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tiers(()), "The last tier must be without end"),
        (lambda: Tiers((Tier(ONE, ONE),)), "The last tier must be without end"),
        (lambda: Tiers((END, END)), "Only the last tier"),
        (lambda: Tiers((Tier(Decimal(0), ONE), END)), "the first above zero"),
        (lambda: Tiers((Tier(TWO, ONE), Tier(TWO, ONE), END)), "Each tier must end above"),
        (lambda: Tier(None, LESS), "The unit price must not be below zero"),
        (lambda: Tier(None, ONE, flat_fee=LESS), "The flat fee must not be below zero"),
        (lambda: Tier(None, ONE, cap=LESS), "The cap must not be below zero"),
        (lambda: Flat(LESS), "The amount must not be below zero"),
        (lambda: PerUnit(LESS), "The unit price must not be below zero"),
        (lambda: Package(LESS, ONE), "The amount must not be below zero"),
        (lambda: Package(ONE, Decimal(0)), "A package must hold more than nothing"),
        (lambda: Package(ONE, ONE, LESS), "The free units must not be below zero"),
        (lambda: Package(ONE, ONE, rounding=Rounding.HALF_UP), "up or down"),
        (lambda: Percentage(LESS), "The rate must not be below zero"),
        (lambda: Percentage(ONE, free_events=-1), "The free events must not be below zero"),
        (lambda: Percentage(ONE, at_least=TWO, at_most=ONE), "above what it costs at most"),
        (lambda: Conversion(divide_by=Decimal(0)), "divided by a number above zero"),
        (lambda: Terms(PerUnit(ONE), allowance=LESS), "The allowance must not be below zero"),
        (lambda: Terms(Flat(ONE), allowance=ONE), "Only units, packages and tiers"),
        (lambda: Terms(PerUnit(ONE), discount=TWO), "A discount is a share"),
        (lambda: Terms(PerUnit(ONE), minimum=TWO, maximum=ONE), "must not be above the maximum"),
    ],
)
def test_is_refused_in_one_sentence(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidPrice, match=message):
        make()


def test_of_so_many_days_of_a_period_share_what_is_of_all_of_it() -> None:
    terms = Terms(PerUnit(TWO), allowance=Decimal(62), minimum=Decimal(31), maximum=Decimal(93))
    assert terms.prorated(10, of=31) == Terms(
        PerUnit(TWO), allowance=Decimal(20), minimum=Decimal(10), maximum=Decimal(30)
    )
    parts = [Terms(Flat(ONE)).prorated(days, of=31).price for days in (10, 21)]
    assert parts == [Flat(Decimal("0.322580645161")), Flat(Decimal("0.677419354839"))]
    shares = Terms(Percentage(ONE, free_events=3, free_amount=Decimal(62))).prorated(10, of=31)
    assert shares.price == Percentage(ONE, free_events=3, free_amount=Decimal(20))


def test_fees_and_caps_of_tiers_are_of_a_whole_period_too() -> None:
    def tiers(fee: int, cap: int) -> Tiers:
        first = Tier(Decimal(100), ONE, flat_fee=Decimal(fee), cap=Decimal(cap))
        return Tiers((first, Tier(None, TWO)))

    for model in (Graduated, Volume):
        terms = Terms(model(tiers(fee=31, cap=62)))
        assert terms.prorated(10, of=31).price == model(tiers(fee=10, cap=20))
