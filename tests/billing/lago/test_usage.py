"""What a customer used in the month so far, and its price, in Lago's shape."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from billing.accounts.commands import override_price
from billing.lago import usage
from billing.metering.models import Service
from billing.pricing.models import Charge
from catacloud.accounts.api_keys import create_api_key
from tests.billing.accounts.agreeing import agreed
from tests.billing.lago.test_api import ask
from tests.factories import make_organisation, make_plan, make_subscription, make_usage_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(acme):
    return create_api_key(organisation=acme, name="own", now=timezone.now())


@pytest.fixture
def hours(acme):
    """Acme used 100 h of what costs 0.70 EUR each, this November."""
    service = Service.objects.get(slug="execution-time")
    make_subscription(organisation=acme, plan_version=make_plan(prices={service: [(None, "0.70")]}))
    make_usage_row(
        organisation=acme, service=service, day=date(2026, 11, 3), quantity=Decimal(360_000)
    )


@pytest.fixture(autouse=True)
def _in_november():
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        yield


def test_is_what_our_rating_makes_of_the_month_so_far(key, hours):
    path = "customers/acme/current_usage?external_subscription_id=acme"
    told = ask("get", path, key=key).json()["customer_usage"]
    [charge] = told.pop("charges_usage")
    assert told == {
        "from_datetime": "2026-11-01T00:00:00.000Z",
        "to_datetime": "2026-12-01T00:00:00.000Z",
        "issuing_date": "2026-12-01",
        "lago_invoice_id": None,
        "currency": "EUR",
        "amount_cents": 7000,
        "taxes_amount_cents": 0,
        "total_amount_cents": 7000,
    }
    assert (charge["units"], charge["events_count"], charge["amount_cents"]) == ("100", 1, 7000)
    assert charge["charge"]["charge_model"] == "standard"
    metric = charge["billable_metric"]
    assert (metric["code"], metric["aggregation_type"]) == ("execution-time", "sum_agg")


@pytest.mark.parametrize(
    ("query", "charges"),
    [
        ("charge_code=transfer", 0),
        ("charge_code=execution-time&full_usage=false", 1),
        ("filter_by_charge_code=transfer", 0),
        ("filter_by_charge_id=0", 0),
        ("billable_metric_code=execution-time&charge_code=transfer", 0),
    ],
)
def test_can_be_that_of_one_charge(key, hours, query, charges):
    path = f"customers/acme/current_usage?external_subscription_id=acme&{query}"
    told = ask("get", path, key=key).json()["customer_usage"]
    assert len(told["charges_usage"]) == charges


def test_also_tells_of_what_the_customer_has_a_price_of_its_own_for(acme, key, hours):
    transfer = Service.objects.get(slug="transfer")
    for slug in ("transfer", "execution-time"):
        own = {"model": "volume", "tiers": [{"unit_price": "0.5"}]}
        service = Service.objects.get(slug=slug)
        override_price(agreed(acme), service=service, terms=own, starts_on=date(2026, 11, 1))
    make_usage_row(
        organisation=acme, service=transfer, day=date(2026, 11, 3), quantity=4 * transfer.unit_size
    )
    path = "customers/acme/current_usage?external_subscription_id=acme"
    told = ask("get", path, key=key).json()["customer_usage"]
    each = {one["billable_metric"]["code"]: one for one in told["charges_usage"]}
    assert {code: one["amount_cents"] for code, one in each.items()} == {
        "execution-time": 5000,
        "transfer": 200,
    }
    assert {one["charge"]["charge_model"] for one in each.values()} == {"volume"}
    assert told["amount_cents"] == 5200


@pytest.mark.parametrize(
    ("customer", "subscription", "missing"),
    [("globex", "acme", "customer"), ("acme", "globex", "subscription")],
)
def test_is_not_found_for_another_organisation(key, hours, customer, subscription, missing):
    make_organisation("Globex")
    path = f"customers/{customer}/current_usage?external_subscription_id={subscription}"
    answer = ask("get", path, key=key)
    assert (answer.status_code, answer.json()["code"]) == (404, f"{missing}_not_found")


def test_is_not_found_without_a_plan(key):
    path = "customers/acme/current_usage?external_subscription_id=acme"
    assert ask("get", path, key=key).json()["code"] == "subscription_not_found"


def test_every_way_to_count_and_to_price_has_a_name_of_lagos():
    assert set(usage.AGGREGATIONS) == set(Service.Aggregation)
    assert set(usage.MODELS) == set(Charge.Model)
