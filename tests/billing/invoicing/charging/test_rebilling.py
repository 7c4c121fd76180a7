"""What goes with late usage: the difference is what would have been billed, less what was. Pure."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.charging.bill import Commitment, Discount, make_bill
from billing.invoicing.charging.lines import Kind, RatedLine, fee
from billing.invoicing.charging.rebilling import Terms, beside_usage

QUARTER, TEN = UUID(int=1), UUID(int=2)
DISCOUNTS = (
    Discount(QUARTER, "A quarter off a", rate=Decimal("0.25"), service_id=1),
    Discount(TEN, "Ten off", amount=Decimal(10)),
)
CENTS = st.integers(0, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))


def used(*amounts, classes=("standard", "standard")):
    return [
        RatedLine(
            service, f"service {service}", Decimal(1), "h", Decimal(amount), (), tax_class=tax_class
        )
        for service, (amount, tax_class) in enumerate(zip(amounts, classes, strict=True), 1)
    ]


def billed(usage, terms):
    bill = make_bill(
        [*usage, *terms.fees],
        currency="EUR",
        commitment=terms.commitment,
        discounts=terms.discounts,
    )
    kinds = (Kind.COMMITMENT, Kind.DISCOUNT)
    lines = {
        (line.source_id, line.tax_class): (line.service_name, line.amount)
        for line in bill.lines
        if line.kind in kinds
    }
    return bill.net, lines


def changes(before, now, terms, currency="EUR"):
    _, invoiced = billed(before, terms)
    return [
        (one.now.service_name, one.before, one.now.amount)
        for one in beside_usage(now, terms, invoiced=invoiced, currency=currency)
    ]


def test_late_usage_fills_up_what_the_commitment_was_short_of():
    terms = Terms(commitment=Commitment(Decimal(100)))
    assert changes(used(30, 0), used(50, 0), terms) == [("Minimum commitment", 70, 50)]
    assert changes(used(30, 0), used(100, 30), terms) == [("Minimum commitment", 70, 0)]


def test_discounts_take_off_what_they_would_have():
    terms = Terms(fees=[fee(Kind.BASE_FEE, "Base fee", Decimal(3))], discounts=DISCOUNTS)
    # 25 % of 8, and then all that is left: 6 and 3; of 16, ten of the 12 and 3.
    assert changes(used(8, 0), used(16, 0), terms) == [
        ("A quarter off a", -2, -4),
        ("Ten off", -9, -10),
    ]


def test_a_discount_that_had_nothing_to_lower_does_now():
    assert changes(used(0, 50), used(4, 50), Terms(discounts=DISCOUNTS)) == [
        ("A quarter off a", 0, -1)
    ]


def test_one_that_has_nothing_left_to_lower_is_given_back_whole():
    assert changes(used(4, 0), used(0, 0), Terms(discounts=DISCOUNTS)) == [
        ("A quarter off a", -1, 0),
        ("Ten off", -3, 0),
    ]


@given(
    st.tuples(CENTS, CENTS),
    st.tuples(CENTS, CENTS),
    CENTS.map(Commitment) | st.none(),
    st.sampled_from(["standard", "reduced"]),
)
def test_corrections_come_to_what_would_have_been_billed_less_what_was(
    before, now, commitment, second
):
    classes = ("standard", second)
    fees = [fee(Kind.BASE_FEE, "Base fee", Decimal(5))]
    terms = Terms(fees, commitment, DISCOUNTS)
    was, invoiced = billed(used(*before, classes=classes), terms)
    usage = used(*now, classes=classes)
    would_be, _ = billed(usage, terms)
    found = beside_usage(usage, terms, invoiced=invoiced, currency="EUR")
    beside = sum((one.now.amount - one.before for one in found), Decimal(0))
    assert sum(now) - sum(before) + beside == would_be - was


def test_nothing_changes_beside_usage_that_has_not_changed():
    terms = Terms(commitment=Commitment(Decimal(100)), discounts=DISCOUNTS)
    assert changes(used(8, 9), [replace(one) for one in used(8, 9)], terms) == []
