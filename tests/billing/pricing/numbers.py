"""Numbers and tiers of all sizes, and sums that share no arithmetic with what is tested."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from hypothesis import strategies as st

from billing.exact import exactly
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
