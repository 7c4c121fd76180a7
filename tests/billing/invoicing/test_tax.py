"""VAT: who owes which, and sums that add up to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.tax import (
    OUTSIDE_SCOPE,
    REVERSE_CHARGE,
    Category,
    NoRate,
    TaxLine,
    Taxpayer,
    Treatment,
    net_amounts,
    tax_lines,
    treatment,
)

SELLER = Taxpayer("DE", "DE136695976")
RATES = {
    ("DE", "standard"): Decimal(19),
    ("DE", "reduced"): Decimal(7),
    ("DE", "zero"): Decimal(0),
    ("FR", "standard"): Decimal(20),
}
NINETEEN = Treatment(Category.STANDARD, Decimal(19))
SEVEN = Treatment(Category.STANDARD, Decimal(7))

amounts = st.decimals(-10_000, 10_000, places=2)
taxed_amounts = st.lists(
    st.tuples(st.sampled_from([NINETEEN, SEVEN, REVERSE_CHARGE]), amounts), max_size=8
)


class TestTreatment:
    @pytest.mark.parametrize(
        ("buyer", "expected"),
        [
            (Taxpayer("DE", "DE129273398"), NINETEEN),
            (Taxpayer(), NINETEEN),  # nobody has said where it is
            (Taxpayer("FR", "FR40303265045"), REVERSE_CHARGE),
            (Taxpayer("FR"), Treatment(Category.STANDARD, Decimal(20))),  # a consumer
            (Taxpayer("AT"), NINETEEN),  # a consumer where the seller is not registered
            (Taxpayer("CH", "CHE107787577"), OUTSIDE_SCOPE),
            (Taxpayer("US"), OUTSIDE_SCOPE),
            (
                Taxpayer("DE", exempt_reason="§ 4 Nr. 7 UStG"),
                Treatment(Category.EXEMPT, reason="§ 4 Nr. 7 UStG"),
            ),
        ],
    )
    def test_follows_from_where_the_buyer_is_and_what_it_is(self, buyer, expected):
        assert treatment(seller=SELLER, buyer=buyer, rates=RATES) == expected

    def test_follows_from_the_class_of_what_is_sold(self):
        rates = {
            name: treatment(seller=SELLER, buyer=Taxpayer("DE"), rates=RATES, tax_class=name)
            for name in ("reduced", "zero")
        }
        assert rates == {"reduced": SEVEN, "zero": Treatment(Category.ZERO_RATED)}

    def test_of_who_is_not_registered_is_none(self):
        seller = Taxpayer("DE")
        assert treatment(seller=seller, buyer=Taxpayer("DE"), rates=RATES) == OUTSIDE_SCOPE

    def test_refuses_to_guess_a_rate(self):
        with pytest.raises(NoRate, match="no reduced VAT rate of DE"):
            treatment(seller=SELLER, buyer=Taxpayer("DE"), rates={}, tax_class="reduced")


class TestTaxLines:
    def test_round_once_for_each_rate_and_not_for_each_line(self):
        """Three times 0.13 at 19 % is 0.0741; line by line it would be 3 × 0.02."""
        lines = [(NINETEEN, Decimal("0.13"))] * 3 + [(SEVEN, Decimal("10.07"))]
        assert tax_lines(lines, currency="EUR", included=False) == [
            TaxLine(SEVEN, Decimal("10.07"), Decimal("0.70")),
            TaxLine(NINETEEN, Decimal("0.39"), Decimal("0.07")),
        ]

    def test_take_the_tax_out_of_prices_that_contain_it(self):
        [line] = tax_lines([(NINETEEN, Decimal("100.00"))], currency="EUR", included=True)
        assert (line.net, line.tax, line.gross) == (
            Decimal("84.03"),
            Decimal("15.97"),
            Decimal(100),
        )

    def test_know_currencies_without_cents(self):
        [line] = tax_lines([(NINETEEN, Decimal(105))], currency="JPY", included=False)
        assert line.tax == Decimal(20)

    @given(taxed_amounts)
    def test_on_top_are_a_half_cent_from_the_exact_tax_and_never_taxed_themselves(self, lines):
        for line in tax_lines(lines, currency="EUR", included=False):
            own = sum(amount for treated, amount in lines if treated == line.treatment)
            assert line.net == own
            assert abs(line.tax - own * line.treatment.rate / 100) <= Decimal("0.005")

    @given(taxed_amounts)
    def test_included_leave_what_is_paid_as_it_is(self, lines):
        taxed = tax_lines(lines, currency="EUR", included=True)
        assert sum(line.gross for line in taxed) == sum(amount for _, amount in lines)

    @given(taxed_amounts, st.randoms())
    def test_do_not_depend_on_the_order_of_lines(self, lines, dice):
        shuffled = dice.sample(lines, len(lines))
        for included in (False, True):
            assert tax_lines(lines, currency="EUR", included=included) == tax_lines(
                shuffled, currency="EUR", included=included
            )


class TestNetAmounts:
    @given(taxed_amounts)
    def test_of_lines_with_tax_add_up_to_the_net_of_their_rate(self, lines):
        nets = net_amounts(lines, currency="EUR", included=True)
        for line in tax_lines(lines, currency="EUR", included=True):
            own = [net for net, (one, _) in zip(nets, lines, strict=True) if one == line.treatment]
            assert sum(own) == line.net

    @given(taxed_amounts)
    def test_of_lines_with_tax_are_less_than_a_cent_from_exact(self, lines):
        nets = net_amounts(lines, currency="EUR", included=True)
        for net, (treated, amount) in zip(nets, lines, strict=True):
            assert abs(net - amount / (1 + treated.rate / 100)) < Decimal("0.011")

    @given(taxed_amounts)
    def test_of_lines_without_it_are_the_amounts(self, lines):
        assert net_amounts(lines, currency="EUR", included=False) == [one for _, one in lines]
