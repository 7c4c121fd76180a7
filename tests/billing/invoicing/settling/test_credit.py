from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.settling.credit import Settled, settle

CENTS = st.integers(-(10**6), 10**6).map(lambda cents: Decimal(cents) / 100)


def test_a_credit_is_set_against_the_invoices_after_it():
    totals = [Decimal(total) for total in (5, -12, 4, 10, 1)]
    assert list(settle(totals)) == [
        Settled(Decimal(0), to_pay=Decimal(5), left=Decimal(0)),
        Settled(Decimal(0), to_pay=Decimal(0), left=Decimal(12)),
        Settled(Decimal(12), to_pay=Decimal(0), left=Decimal(8)),
        Settled(Decimal(8), to_pay=Decimal(2), left=Decimal(0)),
        Settled(Decimal(0), to_pay=Decimal(1), left=Decimal(0)),
    ]


@given(st.lists(CENTS, max_size=20))
def test_what_is_paid_less_the_credit_left_is_what_was_invoiced(totals):
    settled = list(settle(totals))
    paid = sum((one.to_pay for one in settled), Decimal(0))
    left = settled[-1].left if settled else 0
    assert paid - left == sum(totals, Decimal(0))
    assert all(one.to_pay >= 0 and one.left >= 0 and not one.to_pay * one.left for one in settled)
