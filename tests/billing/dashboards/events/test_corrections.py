"""Corrections of invoiced periods, on the next invoice and on the bill to come."""

import re
from datetime import UTC, date, datetime

import pytest

from billing.invoicing.closing.close import close_period
from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.periods import month_of
from tests.factories import make_daily_usage, make_plan, make_subscription

pytestmark = pytest.mark.django_db

LIST = "/organisations/acme/invoices/"
SEPTEMBER, OCTOBER = month_of(date(2026, 9, 1)), month_of(date(2026, 10, 1))
NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def client(as_user, owner):
    return as_user(owner)


@pytest.fixture
def september(acme):
    """An invoice of 10 hours at 0.70 EUR."""
    hours = Service.objects.get(slug="execution-time")
    make_subscription(organisation=acme, plan_version=make_plan(prices={hours: [(None, "0.7")]}))
    make_daily_usage(acme, SEPTEMBER.last, hours=10)
    return close_period(organisation=acme, days=SEPTEMBER, now=NOW)


def change(hours):
    """Let September come to other hours: late events came, or some were voided."""
    DailyUsage.objects.update(quantity=hours * 3600)


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace(
        "\u00a0", " "
    )


def test_the_bill_to_come_has_what_changed_in_an_invoiced_period(client, september):
    change(12)
    page = text(client.get(LIST))
    said = f"correction of 1 Sep 2026 – 30 Sep 2026, invoice {september.number}, line 1"
    assert f"{said} +2 h €1.40" in page
    assert "Total €1.40" in page


def test_an_invoice_shows_both_sides_of_a_correction(acme, client, september):
    change(12)
    october = close_period(organisation=acme, days=OCTOBER, now=NOW)
    response = client.get(f"{LIST}{october.number}/")
    assert f'href="{LIST}{september.number}/lines/1/"' in response.content.decode()
    page = text(response)
    said = f"correction of 1 Sep 2026 – 30 Sep 2026, invoice {september.number}, line 1"
    assert f"{said} Why this amount? Execution time +2 h €1.40" in page
    assert "Comes to now, rounded 12 h €8.40" in page
    assert "Invoiced so far 10 h − €7.00" in page


def test_a_negative_invoice_says_that_it_is_a_credit_and_the_next_one_that_it_took_it(
    acme, client, september
):
    change(0)
    assert "This would be a credit, which is set against the next invoices." in text(
        client.get(LIST)
    )
    october = close_period(organisation=acme, days=OCTOBER, now=NOW)
    page = text(client.get(f"{LIST}{october.number}/"))
    assert "Credit −€7.00 Nothing is to be paid: it is set against the next invoices." in page
    make_daily_usage(acme, date(2026, 8, 31), hours=3)
    august = close_period(organisation=acme, days=month_of(date(2026, 8, 1)), now=NOW)
    page = text(client.get(f"{LIST}{august.number}/"))
    assert "To pay: €0.00, after €7.00 of credit from earlier invoices, of which €4.90" in page


def test_what_waits_for_an_invoice_in_another_currency_is_told(acme, client, september):
    hours = Service.objects.get(slug="execution-time")
    dollars = make_plan(prices={hours: [(None, "1")]}, currency="USD")
    make_subscription(organisation=acme, plan_version=dollars, starts_on=date(2026, 10, 1))
    change(12)
    page = text(client.get(LIST))
    assert "Earlier periods come to €1.40 more or less than was invoiced for them." in page
