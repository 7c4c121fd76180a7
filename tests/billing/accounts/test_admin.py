"""Operators agree on things in the admin: they ask, see it in words, and confirm with a reason."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from time_machine import travel

from billing.accounts.models import Credit, Discount, PriceOverride
from billing.invoicing.charging.subscriptions import subscribe
from tests.factories import LONG_AGO, make_plan, make_service

PRICE = {
    "model": "graduated",
    "tiers": "100: 0.10\n: 0.05",
    "starts_on": "2026-12-01",
    "reason": "big customer",
}


@pytest.fixture
def hours(db):
    return make_service(slug="hours")


@pytest.fixture
def customer(acme, hours):
    plan = make_plan(prices={hours: [(None, "1")]})
    subscribe(organisation=acme, plan_version=plan, starts_on=date(2026, 11, 1), now=LONG_AGO)
    return acme


def agree(client, customer, name, follow=True, **data):
    address = reverse("admin:billing_account_agree", args=[customer.pk, name])
    return client.post(address, data, follow=follow).content.decode()


def test_an_own_price_is_shown_in_words_and_confirmed(as_user, operator, customer, hours):
    client = as_user(operator)
    asked = agree(client, customer, "price", service=hours.pk, **PRICE)
    assert "0.1 up to 100, 0.05 above" in asked
    assert not PriceOverride.objects.exists()
    done = agree(client, customer, "price", service=hours.pk, confirmed="yes", **PRICE)
    assert "Agree on a price for a service: done." in done
    assert PriceOverride.objects.get().reason == "big customer"
    assert "hours from 2026-12-01: 0.1 up to 100" in done


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ("100: 0.10", "last tier must be without end"),
        ("ten", "no tier"),
        (": x", "no price"),
        (": 1e40", "no more than 30 digits"),
        (": NaN", "no price"),
        (": -1", "must not be below zero"),
    ],
)
def test_a_price_that_is_none_is_a_sentence_on_the_form(
    as_user, operator, customer, hours, tiers, says
):
    said = agree(
        as_user(operator), customer, "price", service=hours.pk, **(PRICE | {"tiers": tiers})
    )
    assert says in said


def test_what_the_account_refuses_is_a_sentence_on_the_form(as_user, operator, customer):
    data = {"ends_on": "2026-12-01", "reason": "r", "confirmed": "yes"}
    assert "It is not paused." in agree(as_user(operator), customer, "resume", **data)


def test_discounts_and_credit_are_given(as_user, operator, customer):
    client, more = as_user(operator), {"reason": "sorry", "confirmed": "yes"}
    agree(client, customer, "discount", text="Off", rate="0.1", starts_on="2026-12-01", **more)
    agree(client, customer, "credit", kind="granted", amount="5", currency="EUR", **more)
    assert Discount.objects.get().rate == Decimal("0.1")
    assert Credit.objects.get().amount == 5


def test_every_page_opens_for_operators_alone(as_user, operator, member, customer):
    for name in ("subscribe", "change-plan", "end-price", "end-discount", "coupon", "join-pool"):
        address = reverse("admin:billing_account_agree", args=[customer.pk, name])
        assert as_user(operator).get(address).status_code == 200
        assert as_user(member).get(address).status_code == 302
    assert as_user(operator).get(address.replace("join-pool", "nothing")).status_code == 404


def test_an_own_price_may_have_all_that_a_charge_has(as_user, operator, customer, hours):
    price = PRICE | {
        "service": hours.pk,
        "tiers": "100: 0.10, fee 5, cap 8\n: 0.05",
        "divide_by": "1000",
        "allowance": "2",
        "maximum": "50",
    }
    said = agree(as_user(operator), customer, "price", **price)
    assert "5 and 0.1 (at most 8) up to 100, 0.05 above; by the 1000, rounded up; " in said
    said = agree(as_user(operator), customer, "price", **price | {"tiers": ": 1, tax 5"})
    assert "is not known of a tier" in said
    said = agree(as_user(operator), customer, "price", **price | {"event_fee": "1"})
    assert "Only a percentage has terms of its events" in said


def test_an_own_percentage_is_of_money_that_is_added_up(as_user, operator, customer):
    peak = make_service(aggregation="peak")
    price = {"service": peak.pk, "model": "percentage", "tiers": ": 2", "event_fee": "0.25"}
    more = {"starts_on": "2026-12-01", "reason": "r", "confirmed": "yes"}
    assert "aggregation must be Sum" in agree(as_user(operator), customer, "price", **price, **more)
    assert not PriceOverride.objects.exists()


def test_a_change_of_plan_is_proposed_for_the_next_period(as_user, operator, customer):
    address = reverse("admin:billing_account_agree", args=[customer.pk, "change-plan"])
    with travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        assert 'value="2026-12-01"' in as_user(operator).get(address).content.decode()


def test_what_was_agreed_on_is_shown_with_its_reason_and_what_is_left(as_user, operator, customer):
    client = as_user(operator)
    for name, data in [
        ("credit", {"kind": "granted", "amount": "5", "currency": "EUR"}),
        ("pause", {"starts_on": "2026-12-05"}),
        ("resume", {"ends_on": "2026-12-20"}),
        ("close", {"closes_on": "2027-01-01"}),
    ]:
        page = agree(client, customer, name, reason=f"why {name}", confirmed="yes", **data)
    assert "granted credit: 5 EUR, of which 5 are left (why credit)" in page
    assert "paused from 2026-12-05 up to, not including, 2026-12-20 (why pause)" in page
    assert "closed from 2027-01-01 (why close)" in page


def test_what_is_asked_agreed_on_and_refused_is_in_german_too(as_user, operator, customer):
    client = as_user(operator)
    german = {"Accept-Language": "de"}
    address = reverse("admin:billing_account_agree", args=[customer.pk, "pause"])
    data = {"starts_on": "2026-12-05", "reason": "r"}
    asked = client.post(address, data, headers=german).content.decode()
    assert "Das Konto ruhen lassen" in asked
    assert "Erster Tag</dt>" in asked
    done = client.post(address, data | {"confirmed": "yes"}, headers=german, follow=True)
    assert "ruht ab 2026-12-05 (r)" in done.content.decode()
    again = client.post(address, data | {"confirmed": "yes"}, headers=german)
    assert "Das Konto ruht an diesem Tag schon." in again.content.decode()
