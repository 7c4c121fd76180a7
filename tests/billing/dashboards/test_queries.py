"""Each page takes at most twelve queries, however much is agreed on with an organisation."""

from datetime import date
from decimal import Decimal

import pytest

from billing.accounts import commands, discounts
from billing.invoicing.charging.subscriptions import change_plan, subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.settling.correcting import corrections
from billing.invoicing.settling.paying import record_payment
from billing.metering.changed import UsageChange
from billing.metering.models import Service
from billing.periods import month_of
from billing.together import read
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.billing.dashboards.conftest import NOW
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_daily_usage,
    make_organisation,
    make_plan,
)

pytestmark = pytest.mark.django_db
MOST = 12
ACME = "/organisations/acme"


@pytest.fixture(autouse=True)
def _everything(acme):
    """One of each thing that a bill may hang on, and a period that waits for late events."""
    services = list(Service.objects.filter(slug__in=("storage", "execution-time")))
    prices = {service: [("10", "1"), (None, "2")] for service in services}
    put_on_plan(acme, make_plan(prices=prices))
    make_daily_usage(acme, *(date(2026, n, 10) for n in range(7, 12)), hours=60, stored_gb=1)
    for month in (7, 8, 9):
        days = month_of(date(2026, month, 1))
        invoice = close_period(organisation=acme, days=days, now=days.ends_at)
    record_payment(
        invoice=invoice, amount=Decimal(5), received_on=NOW.date(), reference="1", now=NOW
    )
    make_billing_details(acme)
    start = date(2026, 10, 1)
    commands.override_price(agreed(acme), service=services[0], terms=PER_UNIT, starts_on=start)
    commands.add_credit(agreed(acme), kind="granted", amount=Decimal(5), currency="EUR")
    commands.add_credit(agreed(acme), kind="prepaid", amount=Decimal(5), currency="EUR")
    discounts.grant(agreed(acme), starts_on=start, text="10 %", rate=Decimal("0.1"), periods=2)
    other = make_plan(prices=prices)
    day = date(2026, 11, 15)
    change_plan(agreed(acme), plan_version=other, starts_on=day, is_prorated=True)
    UsageChange.objects.all().delete()  # as if the saga had been at work: nothing came late


def put_on_plan(organisation, version):
    subscribe(
        organisation=organisation,
        plan_version=version,
        starts_on=date(2026, 1, 1),
        now=LONG_AGO,
    )


@pytest.mark.parametrize("page", ["costs", "invoices", "usage"])
def test_of_an_organisation(as_user, owner, page, django_assert_max_num_queries):
    client = as_user(owner)
    client.post(f"{ACME}/costs/", {"amount": "80", "thresholds": ["50"]})
    for _ in range(2):  # the first one remembers what is remembered
        with django_assert_max_num_queries(MOST):
            assert client.get(f"{ACME}/{page}/").status_code == 200


def test_of_an_organisation_in_a_volume_account(
    acme, as_user, owner, django_assert_max_num_queries
):
    parent = make_organisation("Parent")
    put_on_plan(parent, make_plan(prices={Service.objects.get(slug="storage"): [(None, "1")]}))
    commands.join_pool(agreed(acme), parent=parent, starts_on=date(2026, 11, 1))
    client = as_user(owner)
    for _ in range(2):
        with django_assert_max_num_queries(MOST):
            assert client.get(f"{ACME}/usage/").status_code == 200


def test_the_bill_is_as_it_will_be_after_the_one_that_waits(acme, as_user, owner):
    page = as_user(owner).get(f"{ACME}/costs/").content.decode()
    assert "Granted credit" not in page  # October takes all of it
    assert "Granted credit" in as_user(owner).get(f"{ACME}/invoices/").content.decode()


@pytest.mark.parametrize("page", ["costs", "invoices"])
def test_of_an_organisation_whose_invoiced_months_changed(
    acme, as_user, owner, page, django_assert_max_num_queries
):
    make_daily_usage(acme, *(date(2026, n, 20) for n in (7, 8, 9)), hours=100)
    corrected = read(corrections(organisations=[acme.pk], now=NOW)).lines[acme.pk]
    assert {line.corrects.starts_on.month for line in corrected["EUR"]} == {7, 8, 9}
    client = as_user(owner)
    client.get(f"{ACME}/{page}/")
    with django_assert_max_num_queries(MOST):
        client.get(f"{ACME}/{page}/")
