"""Numbers and tiers of all sizes, and sums that share no arithmetic with what is tested."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from hypothesis import strategies as st

from billing.exact import exactly
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
from billing.pricing.tiers import Tier, Tiers


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
def any_tiers(draw: st.DrawFn, *, with_fees: bool = False) -> Tiers:
    widths = draw(st.lists(steps, max_size=6))
    fees = prices if with_fees else st.just(Decimal(0))
    caps = st.none() | prices if with_fees else st.none()
    return Tiers(tuple(Tier(end, draw(prices), draw(fees), draw(caps)) for end in ends_of(widths)))


def total(numbers: Iterable[Decimal]) -> Fraction:
    return sum(map(Fraction, numbers), Fraction(0))


def exact_sum(one: Decimal, other: Decimal) -> Decimal:
    with exactly():
        return one + other


def exact_difference(one: Decimal, other: Decimal) -> Decimal:
    with exactly():
        return one - other


# Made once: to put strategies together for each example takes longer than the examples.
with_fees = any_tiers(with_fees=True)
rising_prices = (
    st.builds(PerUnit, prices)
    | st.builds(Package, prices, steps, prices)
    | st.builds(Graduated, with_fees, st.booleans())
)


def in_order(one: Decimal | None, other: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    return (one, other) if one is None or other is None or one <= other else (other, one)


bounds = st.builds(in_order, st.none() | prices, st.none() | prices)
percentages = st.builds(
    lambda rate, fee, free_events, free_amount, bounds: Percentage(
        rate, fee, free_events, free_amount, *bounds
    ),
    decimals(3, 3),
    prices,
    st.none() | st.integers(0, 3),
    st.none() | decimals(12, 4),
    bounds,
)


def terms_of(price: st.SearchStrategy[Price]) -> st.SearchStrategy[Terms]:
    """A price with and without all that comes before and after it."""
    return st.builds(
        lambda price, conversion, allowance, discount, bounds: Terms(
            price, conversion, allowance, discount, *bounds
        ),
        price,
        st.none() | st.builds(Conversion, steps, st.sampled_from(Rounding)),
        st.just(Decimal(0)) | steps,
        st.just(Decimal(0)) | decimals(2, 2).filter(lambda share: share <= 1),
        bounds,
    )


rising_terms = terms_of(rising_prices)
any_terms = terms_of(rising_prices | st.builds(Volume, with_fees, st.booleans()))
terms_of_events = st.builds(
    lambda price, bounds: Terms(price, minimum=bounds[0], maximum=bounds[1]), percentages, bounds
)
flat_terms = st.builds(lambda amount: Terms(Flat(amount)), prices)
