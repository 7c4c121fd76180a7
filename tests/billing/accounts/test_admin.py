"""Operators agree on things in the admin: they ask, see it in words, and confirm with a reason."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.accounts.models import Credit, Discount, PriceOverride
from billing.invoicing.subscriptions import subscribe
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
    [("100: 0.10", "last tier must be without end"), ("ten", "no tier"), (": x", "no price")],
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
