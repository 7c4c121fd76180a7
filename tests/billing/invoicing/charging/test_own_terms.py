"""What closing makes of what customers have of their own: prices, discounts and credit."""

from datetime import date
from decimal import Decimal

import pytest

from billing.accounts import commands, discounts
from billing.accounts.models import PrepaidUse
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.billing.invoicing.charging.customers import (
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    close,
    customer,
    lines,
    use,
)
from tests.factories import (
    make_billing_details,
    make_service,
    make_usage_row,
)

pytestmark = pytest.mark.django_db


class TestAPriceOfOnesOwn:
    def test_stands_in_place_of_the_plans(self, hours):
        one = customer(hours, used=150)
        commands.override_price(
            agreed(one),
            service=hours,
            terms=PER_UNIT,
            starts_on=OCTOBER.first,
            ends_on=NOVEMBER.end,
        )
        assert lines(close(one)) == [("usage", "75.00")]

    def test_is_not_the_price_after_its_end(self, hours):
        one = customer(hours, used=150)
        commands.override_price(
            agreed(one),
            service=hours,
            terms=PER_UNIT,
            starts_on=SEPTEMBER.first,
            ends_on=OCTOBER.last,
        )
        assert lines(close(one)) == [("usage", "12.50")]

    def test_may_be_for_what_the_plan_has_no_price_for(self, hours):
        other = make_service(slug="another")
        one = customer(hours)
        make_usage_row(organisation=one, service=other, day=date(2026, 10, 9), quantity=2 * 3600)
        commands.override_price(agreed(one), service=other, terms=PER_UNIT, starts_on=OCTOBER.first)
        assert lines(close(one)) == [("usage", "1.00"), ("usage", "0.00")]

    def test_also_prices_late_usage_of_its_periods(self, hours):
        one = customer(hours)
        commands.override_price(
            agreed(one),
            service=hours,
            terms=PER_UNIT,
            starts_on=SEPTEMBER.first,
            ends_on=OCTOBER.first,
        )
        close(one, SEPTEMBER)
        use(one, hours, 4, date(2026, 9, 30))
        assert lines(close(one)) == [("usage", "0.00"), ("correction", "2.00")]


class TestDiscounts:
    def test_for_n_periods_lower_n_invoices(self, hours):
        one = customer(hours, used=100)
        use(one, hours, 100, date(2026, 9, 9))
        use(one, hours, 100, date(2026, 11, 9))
        discounts.grant(
            agreed(one), starts_on=SEPTEMBER.first, text="Start", rate=Decimal("0.25"), periods=2
        )
        invoices = [close(one, days) for days in (SEPTEMBER, OCTOBER, NOVEMBER)]
        assert [lines(invoice)[1:] for invoice in invoices] == [
            [("discount", "-2.50")],
            [("discount", "-2.50")],
            [],
        ]
        assert invoices[0].total == Decimal("7.50")

    def test_for_n_periods_hold_for_late_usage_of_these_and_are_not_used_up_by_it(self, hours):
        one = customer(hours)
        use(one, hours, 40, date(2026, 9, 9))
        discounts.grant(
            agreed(one), starts_on=SEPTEMBER.first, text="Start", rate=Decimal("0.25"), periods=2
        )
        close(one, SEPTEMBER)
        use(one, hours, 20, date(2026, 9, 10))
        use(one, hours, 20)
        use(one, hours, 20, date(2026, 11, 9))
        assert lines(close(one)) == [
            ("usage", "2.00"),
            ("discount", "-0.50"),
            ("correction", "2.00"),
            ("correction", "-0.50"),
        ]
        use(one, hours, 4, date(2026, 10, 10))
        assert lines(close(one, NOVEMBER)) == [
            ("usage", "2.00"),
            ("correction", "0.40"),
            ("correction", "-0.10"),
        ]

    def test_in_another_currency_take_nothing_off(self, hours):
        one = customer(hours, used=100)
        discounts.grant(
            agreed(one), starts_on=OCTOBER.first, text="$", amount=Decimal(1), currency="USD"
        )
        assert lines(close(one)) == [("usage", "10.00")]


class TestCredit:
    def test_granted_is_used_up_over_invoices(self, hours):
        one = customer(hours, used=100)
        use(one, hours, 100, date(2026, 9, 9))
        commands.add_credit(agreed(one), kind="granted", amount=Decimal(15), currency="EUR")
        assert lines(close(one, SEPTEMBER))[1:] == [("credit", "-10.00")]
        assert lines(close(one, OCTOBER))[1:] == [("credit", "-5.00")]

    def test_prepaid_pays_what_is_left_to_be_paid(self, hours):
        one = customer(hours, used=100)
        credit = commands.add_credit(agreed(one), kind="prepaid", amount=Decimal(4), currency="EUR")
        invoice = close(one)
        assert (invoice.gross, invoice.payments.get().amount) == (10, 4)
        assert PrepaidUse.objects.get().credit == credit
        assert invoice.payments.get().reference == "Prepaid credit of 1 Dec 2026"
        use(one, hours, 100, date(2026, 11, 9))
        assert not close(one, NOVEMBER).payments.exists()

    def test_prepaid_is_named_by_its_day_in_the_customers_language(self, hours):
        one = customer(hours, used=100)
        make_billing_details(one, language="de")
        for _ in range(2):
            commands.add_credit(agreed(one), kind="prepaid", amount=Decimal(4), currency="EUR")
        assert [one.reference for one in close(one).payments.all()] == [
            "Vorausbezahltes Guthaben vom 01.12.2026",
            "Vorausbezahltes Guthaben vom 01.12.2026 (2)",
        ]
