"""What holds of every price, whatever its numbers."""

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.exact import exactly
from billing.pricing.currencies import round_amount
from billing.pricing.prices import Graduated, PerUnit, Terms, Volume
from billing.pricing.rating import Usage, rate
from billing.pricing.tiers import Tiers
from tests.billing.pricing.numbers import (
    any_terms,
    any_tiers,
    decimals,
    exact_difference,
    exact_sum,
    flat_terms,
    quantities,
    rising_terms,
    terms_of_events,
    total,
)

ZERO = Decimal(0)
parts = st.lists(decimals(30, 12), min_size=1, max_size=5)
events = st.lists(decimals(12, 4) | decimals(6, 2).map(lambda n: -n), max_size=6)


def amount(quantity: Decimal, terms: Terms) -> Decimal:
    return rate(Usage(quantity), terms).amount


def running(quantities: list[Decimal]) -> list[Decimal]:
    return list(accumulate(quantities, exact_sum))


@given(quantities, any_terms | flat_terms)
def test_the_working_adds_up_to_the_amount(quantity: Decimal, terms: Terms) -> None:
    found = rate(Usage(quantity), terms)
    assert Fraction(found.amount) == total(step.amount for step in found.working)


@given(events, terms_of_events)
def test_the_working_of_single_events_adds_up_to_the_amount(
    events: list[Decimal], terms: Terms
) -> None:
    found = rate(Usage(ZERO, events), terms)
    assert Fraction(found.amount) == total(step.amount for step in found.working)


@given(quantities, any_terms)
def test_the_amount_stays_within_its_bounds(quantity: Decimal, terms: Terms) -> None:
    found = amount(quantity, terms)
    assert found >= (terms.minimum or 0)
    assert terms.maximum is None or found <= terms.maximum


@given(decimals(20, 12).filter(bool), any_terms)
def test_less_than_nothing_costs_what_nothing_does(less: Decimal, terms: Terms) -> None:
    assert rate(Usage(-less), terms) == rate(Usage(ZERO), terms)


@given(quantities, quantities, rising_terms)
def test_more_never_costs_less_but_by_volume(one: Decimal, other: Decimal, terms: Terms) -> None:
    less, more = sorted([one, other])
    assert amount(less, terms) <= amount(more, terms)


@given(st.lists(decimals(12, 4), max_size=6), decimals(12, 4), terms_of_events)
def test_an_event_more_never_costs_less(events: list[Decimal], more: Decimal, terms: Terms) -> None:
    fewer = rate(Usage(ZERO, events), terms).amount
    assert fewer <= rate(Usage(ZERO, [*events, more]), terms).amount


@given(parts, any_terms | flat_terms, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_period_rated_once_costs_what_its_cumulative_deltas_do(
    parts: list[Decimal], terms: Terms, currency: str
) -> None:
    """What came to each moment, less what was charged before it, rounded each time."""
    charged = ZERO
    for until in running(parts):
        now = round_amount(amount(until, terms), currency)
        charged = exact_sum(charged, exact_difference(now, charged))
    assert charged == round_amount(amount(running(parts)[-1], terms), currency)


@given(decimals(40, 12), decimals(40, 12), any_tiers())
def test_what_comes_on_top_costs_its_own_tiers(a: Decimal, b: Decimal, tiers: Tiers) -> None:
    """A delta is what its units cost in the tiers that they lie in, each by itself."""
    whole, before = exact_sum(a, b), a
    with exactly():
        each = [
            max(ZERO, min(end, whole) - max(start, before)) * tier.unit_price
            for tier, (start, end) in zip(
                tiers.each, pairwise([*tiers.starts, max(whole, tiers.starts[-1])]), strict=True
            )
        ]
    terms = Terms(Graduated(tiers))
    delta = exact_difference(amount(whole, terms), amount(before, terms))
    assert Fraction(delta) == total(each)


@given(quantities, any_tiers())
def test_every_quantity_lies_in_one_tier(quantity: Decimal, tiers: Tiers) -> None:
    inside = [
        index
        for index, (start, tier) in enumerate(zip(tiers.starts, tiers.each, strict=True))
        if (quantity > start or not index) and (tier.up_to is None or quantity <= tier.up_to)
    ]
    assert inside == [tiers.reached(quantity)]


@given(quantities, any_tiers())
def test_volume_is_the_price_per_unit_of_its_tier(quantity: Decimal, tiers: Tiers) -> None:
    own = tiers.each[tiers.reached(quantity)]
    assert amount(quantity, Terms(Volume(tiers))) == amount(
        quantity, Terms(PerUnit(own.unit_price))
    )
