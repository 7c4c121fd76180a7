from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.charging.sharing import share_out

CENT = Decimal("0.01")
amounts = st.integers(-(10**15), 10**15).map(lambda cents: Decimal(cents) * CENT)
weights = st.lists(
    st.builds(lambda n, p: Decimal(f"{n}e-{p}"), st.integers(0, 10**20), st.integers(0, 12)),
    min_size=1,
    max_size=12,
)


def test_the_largest_remainder_takes_the_cent_that_is_left():
    shares = share_out(Decimal("1.00"), [Decimal(1), Decimal(1), Decimal(4)], unit=CENT)
    assert shares == [Decimal("0.17"), Decimal("0.17"), Decimal("0.66")]  # of .6, .6 and .6…


def test_the_first_of_equals_comes_first():
    assert share_out(CENT, [Decimal(1), Decimal(1)], unit=CENT) == [CENT, 0]


def test_nobody_weighs_anything_so_all_share_alike():
    assert share_out(Decimal(3), [Decimal(0)] * 3, unit=Decimal(1)) == [1, 1, 1]


@pytest.mark.parametrize("weights", [[], [Decimal(1), Decimal(-1)]])
def test_refuses_weights_that_are_none(weights):
    with pytest.raises(ValueError, match="by weights"):
        share_out(CENT, weights, unit=CENT)


def test_refuses_what_no_units_make():
    with pytest.raises(ValueError, match="no multiple"):
        share_out(Decimal("0.005"), [Decimal(1)], unit=CENT)


@given(amounts, weights)
def test_shares_add_up_and_each_is_less_than_a_cent_off(amount, weights):
    shares = share_out(amount, weights, unit=CENT)
    assert sum(map(Fraction, shares)) == Fraction(amount)
    whole = sum(map(Fraction, weights))
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(amount) * (
            Fraction(weight) / whole if whole else Fraction(1, len(weights))
        )
        assert abs(Fraction(share) - exact) < Fraction(CENT)
