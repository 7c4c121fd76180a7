"""What closing makes of base fees and minimum commitments."""

from datetime import date
from decimal import Decimal

import pytest

from billing.accounts import commands
from billing.invoicing.closing.drafting import draft_of
from billing.periods import Days
from tests.billing.accounts.agreeing import agreed
from tests.billing.invoicing.charging.customers import (
    NOW,
    OCTOBER,
    SEPTEMBER,
    close,
    customer,
    lines,
)
from tests.factories import (
    make_billing_details,
)

pytestmark = pytest.mark.django_db


class TestBaseFees:
    def test_in_advance_are_of_the_period_that_begins_and_first_of_this_one_too(self, hours):
        one = customer(hours, base_fee=Decimal(30))
        assert lines(close(one, SEPTEMBER)) == [
            ("usage", "0.00"),
            ("base_fee", "30.00"),
            ("base_fee", "30.00"),
        ]
        assert lines(close(one, OCTOBER)) == [("usage", "0.00"), ("base_fee", "30.00")]

    def test_in_arrears_are_of_the_period_that_is_over(self, hours):
        one = customer(hours, base_fee=Decimal(30), base_fee_timing="in_arrears")
        assert lines(close(one, OCTOBER)) == [("usage", "0.00"), ("base_fee", "30.00")]

    def test_are_shared_by_days(self, hours):
        terms = {"base_fee": Decimal(31), "base_fee_timing": "in_arrears"}
        one = customer(hours, starts_on=date(2026, 10, 22), **terms)
        commands.pause(agreed(one), starts_on=date(2026, 10, 30))
        assert lines(close(one, OCTOBER)) == [("usage", "0.00"), ("base_fee", "8.00")]

    def test_charged_in_advance_are_given_back_for_what_did_not_come(self, hours):
        one = customer(hours, base_fee=Decimal(31))
        close(one, SEPTEMBER)
        commands.close(agreed(one), closes_on=date(2026, 10, 11))
        invoice = close(one, OCTOBER)
        assert lines(invoice) == [("usage", "0.00"), ("base_fee", "-21.00")]
        [line] = invoice.lines.filter(kind="base_fee")
        assert [step["kind"] for step in line.working] == ["base fee", "charged"]

    def test_of_a_quarter_are_charged_with_the_quarter(self, hours):
        terms = {"base_fee": Decimal(90), "base_fee_timing": "in_arrears"}
        one = customer(hours, billing_period="quarterly", **terms)
        quarter = Days(date(2026, 7, 1), date(2026, 10, 1))
        # 30 of 92 days
        assert lines(close(one, quarter)) == [("usage", "0.00"), ("base_fee", "29.35")]

    def test_say_what_they_are_in_the_customers_language(self, hours):
        one = customer(hours, base_fee=Decimal(30), minimum_commitment=Decimal(40))
        make_billing_details(one, language="de")
        commands.add_credit(agreed(one), kind="granted", amount=Decimal(15), currency="EUR")
        assert [line.service_name for line in close(one, OCTOBER).lines.all()][1:] == [
            "Grundgebühr 01.10.2026 – 31.10.2026",
            "Grundgebühr 01.11.2026 – 30.11.2026",
            "Mindestumsatz",
            "Gewährtes Guthaben",
        ]


class TestCommitments:
    def test_are_filled_up(self, hours):
        one = customer(hours, used=150, minimum_commitment=Decimal(20))
        assert lines(close(one)) == [("usage", "12.50"), ("commitment", "7.50")]

    def test_count_the_fee_of_their_own_period(self, hours):
        one = customer(hours, used=150, minimum_commitment=Decimal(20), base_fee=Decimal(5))
        close(one, SEPTEMBER)
        assert lines(close(one)) == [
            ("usage", "12.50"),
            ("base_fee", "5.00"),  # of November; October's was charged before
            ("commitment", "2.50"),
        ]


def test_the_preview_takes_the_same_path(hours):
    one = customer(hours, used=150, minimum_commitment=Decimal(20))
    draft = draft_of(organisation=one, days=OCTOBER, now=NOW)
    assert draft
    assert [str(line.amount) for line in draft.lines] == ["12.50", "7.50"]
    assert close(one).total == draft.total
