"""The order in which a bill is made, and that its sums are exact whatever is on it."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.charging.bill import (
    Commitment,
    Credit,
    Discount,
    Taxable,
    TaxLine,
    make_bill,
)
from billing.invoicing.charging.lines import Kind, Share, fee
from billing.pricing.tiers import Step

ONE, TWO = UUID(int=1), UUID(int=2)
ZERO, ONE_OF_IT = Decimal(0), Decimal(1)


def used(service_id, amount):
    return replace(fee(Kind.USAGE, f"service {service_id}", Decimal(amount)), service_id=service_id)


def half(taxed):
    """Tax each line by half of what is left of it."""
    return [TaxLine("tax", Decimal("0.5"), one.net, one.net / 2) for one in taxed if one.net]


def amounts(bill):
    return [(line.kind.value, str(line.amount)) for line in bill.lines]


class TestTheOrder:
    def test_is_charges_fee_commitment_discounts_corrections_credit_tax_prepaid(self):
        bill = make_bill(
            [used(1, "80.00"), used(2, "20.00"), fee(Kind.BASE_FEE, "Base fee", Decimal("10.00"))],
            currency="EUR",
            commitment=Commitment(Decimal(150)),
            discounts=[
                Discount(TWO, "10 % off all", rate=Decimal("0.1")),
                Discount(ONE, "5 off", amount=Decimal(5), service_id=1),
            ],
            corrections=[fee(Kind.CORRECTION, "June", Decimal("-4.50"))],
            credits=[
                Credit(ONE, "Paid ahead", Decimal(100), is_prepaid=True),
                Credit(TWO, "Sorry", Decimal("26.00")),
            ],
            tax=half,
        )
        assert amounts(bill) == [
            ("usage", "80.00"),
            ("usage", "20.00"),
            ("base_fee", "10.00"),
            ("commitment", "40.00"),  # 150 − 110
            ("discount", "-5.00"),  # of the service first, though it was granted later
            ("discount", "-14.50"),  # of 75 + 20 + 10 + 40
            ("correction", "-4.50"),
            ("credit", "-26.00"),
        ]
        assert bill.net == Decimal(100)
        # Half of each line, the correction's too: (130.50 − 26) / 2 − 2.25
        assert (bill.gross, bill.to_pay) == (Decimal(150), Decimal(50))
        assert [(one.credit.id, one.amount) for one in bill.prepaid] == [(ONE, Decimal(100))]

    def test_a_discount_tells_what_it_takes_off_each_line(self):
        bill = make_bill(
            [used(1, "0.10"), used(2, "0.10"), used(3, "0.10")],
            currency="EUR",
            discounts=[Discount(ONE, "off", rate=Decimal("0.5"))],
        )
        assert bill.lines[-1].working == (
            Share(1, Decimal("0.10"), Decimal("-0.5"), Decimal("-0.05")),
            Share(2, Decimal("0.10"), Decimal("-0.5"), Decimal("-0.05")),
            Share(3, Decimal("0.10"), Decimal("-0.5"), Decimal("-0.05")),
        )

    def test_a_commitment_tells_what_was_promised_and_what_counts_for_it(self):
        """Of 25.00 on the bill, the next period's fee of 10.00 counts there."""
        bill = make_bill(
            [used(1, "5.00"), *(fee(Kind.BASE_FEE, "Base fee", Decimal("10.00")),) * 2],
            currency="EUR",
            commitment=Commitment(Decimal("40.126"), of_others=Decimal("10.00")),
        )
        line = bill.lines[-1]
        assert line.working == (
            Step(ZERO, None, ONE_OF_IT, Decimal("40.126"), Decimal("40.126"), "commitment"),
            Step(ZERO, None, ONE_OF_IT, Decimal("-15.00"), Decimal("-15.00"), "counted"),
        )
        assert line.amount == Decimal("25.13")


class TestLimits:
    def test_a_discount_takes_no_more_than_there_is(self):
        bill = make_bill(
            [used(1, "3.00"), used(2, "9.00")],
            currency="EUR",
            discounts=[Discount(ONE, "off", amount=Decimal(5), service_id=1)],
        )
        assert amounts(bill)[-1] == ("discount", "-3.00")

    def test_what_takes_nothing_off_makes_no_line(self):
        bill = make_bill(
            [used(1, "0.00")],
            currency="EUR",
            commitment=Commitment(Decimal(0)),
            discounts=[Discount(ONE, "off", rate=Decimal(1))],
            credits=[Credit(ONE, "Sorry", Decimal(5)), Credit(TWO, "", Decimal(5), True)],
        )
        assert amounts(bill) == [("usage", "0.00")]
        assert bill.prepaid == ()

    def test_credit_is_kept_where_corrections_leave_nothing_to_pay(self):
        bill = make_bill(
            [used(1, "5.00")],
            currency="EUR",
            corrections=[fee(Kind.CORRECTION, "June", Decimal("-7.00"))],
            credits=[Credit(ONE, "Sorry", Decimal(5)), Credit(TWO, "", Decimal(5), True)],
        )
        assert (bill.net, bill.to_pay, bill.prepaid) == (Decimal(-2), Decimal(-2), ())


cents = st.integers(0, 10**9).map(lambda number: Decimal(number).scaleb(-2))
rates = st.integers(0, 1000).map(lambda number: Decimal(number).scaleb(-3))
services = st.none() | st.integers(1, 4)
discounts = st.lists(
    st.builds(
        lambda service, rate, amount: Discount(
            ONE, "", rate=rate, amount=None if rate is not None else amount, service_id=service
        ),
        services,
        st.none() | rates,
        cents,
    ),
    max_size=4,
)
credits = st.lists(st.builds(Credit, st.just(ONE), st.just(""), cents, st.booleans()), max_size=3)


@given(
    st.lists(st.tuples(st.integers(1, 4), cents), max_size=5, unique_by=lambda pair: pair[0]),
    st.none() | cents,
    discounts,
    st.lists(st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-2)), max_size=2),
    credits,
)
def test_sums_are_exact_and_nothing_is_given_twice(lines, commitment, off, corrected, credits):
    taxed: list[Taxable] = []

    def look(lines):
        taxed.extend(lines)
        return []

    bill = make_bill(
        [used(*line) for line in lines],
        currency="EUR",
        commitment=None if commitment is None else Commitment(commitment),
        discounts=off,
        corrections=[fee(Kind.CORRECTION, "", amount) for amount in corrected],
        credits=credits,
        tax=look,
    )

    assert bill.net == sum((line.amount for line in bill.lines), Decimal(0))
    assert bill.net == sum((one.net for one in taxed), Decimal(0))
    assert all(one.net >= 0 for one in taxed if one.line.kind is not Kind.CORRECTION)
    for line in bill.lines:
        if line.kind in (Kind.DISCOUNT, Kind.CREDIT):
            assert line.amount == sum((share.amount for share in line.working), Decimal(0)) < 0
    charged = sum((one.amount for one in bill.lines if one.kind in CHARGED), Decimal(0))
    assert charged >= (commitment or 0)
    assert bill.gross - bill.to_pay == sum((one.amount for one in bill.prepaid), Decimal(0))
    assert bill.to_pay >= min(bill.gross, Decimal(0))


CHARGED = (Kind.USAGE, Kind.BASE_FEE, Kind.COMMITMENT)
