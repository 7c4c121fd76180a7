"""An agreement is an event and a row, or nothing; what is invoiced stays as it was agreed on."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.accounts import commands, discounts
from billing.accounts.account import BillingAccount, Refused, account_id
from billing.accounts.commands import AlreadyInvoiced
from billing.accounts.models import (
    Coupon,
    Credit,
    Discount,
    PoolMember,
    PriceOverride,
    Standstill,
)
from billing.invoicing.charging.subscriptions import NotYetOnOffer, change_plan, subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Subscription
from billing.invoicing.settling.crediting import void
from billing.periods import month_of
from eventstore import repository
from tests.billing.accounts.agreeing import NOW, PER_UNIT, agreed
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
)
from tests.races import run_at_once

pytestmark = pytest.mark.django_db

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)


@pytest.fixture
def hours():
    return make_service(slug="hours")


@pytest.fixture
def customer(hours):
    organisation = make_organisation()
    plan = make_plan(prices={hours: [(None, "1")]})
    subscribe(organisation=organisation, plan_version=plan, starts_on=NOVEMBER, now=LONG_AGO)
    return organisation


def account_of(organisation):
    return repository.load(
        BillingAccount, tenant_id=organisation.pk, stream_id=account_id(organisation.pk)
    ).state


def test_an_own_price_is_told_and_written(customer, hours):
    made = commands.override_price(
        agreed(customer), service=hours, terms=PER_UNIT, starts_on=DECEMBER
    )
    assert PriceOverride.objects.get() == made
    assert list(account_of(customer).own_prices) == [made.pk]
    commands.end_price(agreed(customer), override=made, ends_on=JANUARY)
    made.refresh_from_db()
    assert made.ends_on == account_of(customer).own_prices[made.pk].span.ends_on == JANUARY


def test_a_price_that_prices_nothing_is_refused(customer, hours):
    for terms in ({"model": "volume", "tiers": []}, {"modle": "flat"}, {"model": "per_unit"}):
        with pytest.raises(Refused):
            commands.override_price(
                agreed(customer), service=hours, terms=terms, starts_on=DECEMBER
            )
    assert not PriceOverride.objects.exists()
    assert account_of(customer).own_prices == {}


def test_nothing_is_agreed_for_days_that_are_invoiced(customer, hours):
    close_period(organisation=customer, days=month_of(NOVEMBER), now=NOW)
    last = date(2026, 11, 30)
    agreement = agreed(customer)
    for refused in (
        lambda: commands.pause(agreement, starts_on=last),
        lambda: commands.close(agreement, closes_on=last),
        lambda: discounts.grant(agreement, starts_on=last, text="x", rate=Decimal(1)),
        lambda: commands.join_pool(agreement, parent=make_organisation(), starts_on=last),
        lambda: commands.override_price(agreement, service=hours, terms=PER_UNIT, starts_on=last),
        lambda: change_plan(
            agreement,
            plan_version=make_plan(prices={hours: [(None, "2")]}),
            starts_on=last,
            is_prorated=True,
        ),
    ):
        with pytest.raises(AlreadyInvoiced, match="choose 2026-12-01 or later"):
            refused()
    commands.pause(agreement, starts_on=DECEMBER)


def test_a_pool_does_not_change_on_days_that_are_invoiced_to_one_of_it(customer):
    member = make_organisation()
    commands.join_pool(agreed(member), parent=customer, starts_on=NOVEMBER)
    close_period(organisation=customer, days=month_of(NOVEMBER), now=NOW)
    with pytest.raises(AlreadyInvoiced):
        commands.join_pool(agreed(make_organisation()), parent=customer, starts_on=NOVEMBER)
    with pytest.raises(AlreadyInvoiced):
        commands.leave_pool(agreed(member), ends_on=date(2026, 11, 20))


def test_what_a_pool_pays_does_not_change_on_days_that_are_invoiced_to_one_of_it(customer, hours):
    """Who is invoiced first paid by the prices of then, which are the parent's."""
    plan = customer.subscriptions.get().plan_version
    member = make_subscription(plan_version=plan).organisation
    commands.join_pool(agreed(member), parent=customer, starts_on=NOVEMBER)
    close_period(organisation=member, days=month_of(NOVEMBER), now=NOW)
    own = {"service": hours, "terms": PER_UNIT}
    with pytest.raises(AlreadyInvoiced, match=f"to {member}, .* choose 2026-12-01 or later"):
        commands.override_price(agreed(customer), starts_on=date(2026, 11, 30), **own)
    commands.pause(agreed(customer), starts_on=NOVEMBER)
    commands.override_price(agreed(customer), starts_on=DECEMBER, **own)


def test_days_of_an_invoice_that_is_void_can_be_agreed_on_anew(customer, hours):
    void(close_period(organisation=customer, days=month_of(NOVEMBER), now=NOW), reason="-", now=NOW)
    last = date(2026, 11, 30)
    commands.override_price(agreed(customer), service=hours, terms=PER_UNIT, starts_on=last)
    assert PriceOverride.objects.get().starts_on == last


def test_a_changed_plan_takes_the_place_of_what_was_to_start_that_day(customer, hours):
    for price in ("2", "3"):
        change_plan(
            agreed(customer),
            plan_version=make_plan(prices={hours: [(None, price)]}),
            starts_on=DECEMBER,
            is_prorated=True,
        )
    latest = Subscription.objects.get(organisation=customer, starts_on=DECEMBER)
    assert latest.is_prorated
    assert account_of(customer).subscriptions[DECEMBER] == latest.plan_version_id


def test_a_version_starts_no_subscription_before_it_is_in_effect(customer, hours):
    draft = make_draft(prices={hours: [(None, "1")]})
    draft.effective_on = JANUARY
    draft.status, draft.published_at = "published", LONG_AGO
    draft.save()
    with pytest.raises(NotYetOnOffer, match="in effect from 2027-01-01 on"):
        subscribe(organisation=make_organisation(), plan_version=draft, starts_on=DECEMBER, now=NOW)


def test_a_pause_a_resumption_and_the_end(customer):
    commands.pause(agreed(customer), starts_on=DECEMBER)
    commands.resume(agreed(customer), ends_on=date(2026, 12, 9))
    commands.close(agreed(customer), closes_on=JANUARY)
    spans = Standstill.objects.order_by("starts_on").values_list("kind", "starts_on", "ends_on")
    assert list(spans) == [("paused", DECEMBER, date(2026, 12, 9)), ("closed", JANUARY, None)]


def test_pools_have_one_level(customer):
    parent, other = make_organisation(), make_organisation()
    commands.join_pool(agreed(customer), parent=parent, starts_on=DECEMBER)
    with pytest.raises(Refused, match="name the parent of that"):
        commands.join_pool(agreed(other), parent=customer, starts_on=DECEMBER)
    with pytest.raises(Refused, match="volume account of its own"):
        commands.join_pool(agreed(parent), parent=other, starts_on=DECEMBER)
    with pytest.raises(Refused, match="own parent"):
        commands.join_pool(agreed(other), parent=other, starts_on=DECEMBER)
    commands.leave_pool(agreed(customer), ends_on=JANUARY)
    assert PoolMember.objects.get().ends_on == JANUARY


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        ("0", "EUR", "no amount above zero"),
        ("-1", "EUR", "no amount above zero"),
        ("0.005", "EUR", "no amount above zero"),
        ("1", "ABC", "no ISO 4217 currency"),
    ],
)
def test_a_credit_is_a_whole_amount_above_zero_of_a_currency(customer, amount, currency, why):
    with pytest.raises(Refused, match=why):
        commands.add_credit(
            agreed(customer), kind="granted", amount=Decimal(amount), currency=currency
        )
    assert not Credit.objects.exists()


class TestDiscounts:
    @pytest.mark.parametrize(
        "off",
        [
            {},
            {"rate": Decimal("1.1")},
            {"rate": Decimal("0.1"), "amount": Decimal(1), "currency": "EUR"},
            {"amount": Decimal(1)},
            {"amount": Decimal("0.001"), "currency": "EUR"},
            {"amount": Decimal(1), "currency": "ABC"},
            {"rate": Decimal("0.1"), "periods": 0},
        ],
    )
    def test_are_a_share_or_an_amount(self, customer, off):
        with pytest.raises(Refused):
            discounts.grant(agreed(customer), starts_on=DECEMBER, text="off", **off)
        assert not Discount.objects.exists()

    def test_of_a_coupon_are_within_its_limits(self, customer):
        make_coupon(most_redemptions=1, valid_until=date(2026, 12, 1))
        late = datetime(2026, 12, 2, tzinfo=UTC)
        with pytest.raises(Refused, match="was valid until"):
            discounts.redeem(agreed(customer, now=late), code="WELCOME", starts_on=DECEMBER)
        with pytest.raises(Refused, match="no coupon 'NONE'"):
            discounts.redeem(agreed(customer), code="NONE", starts_on=DECEMBER)
        made = discounts.redeem(agreed(customer), code=" welcome", starts_on=DECEMBER)
        assert (made.rate, made.periods, made.coupon) == (Decimal("0.2"), 3, Coupon.objects.get())
        with pytest.raises(Refused, match="has used the coupon"):
            discounts.redeem(agreed(customer), code="WELCOME", starts_on=DECEMBER)
        with pytest.raises(Refused, match="as often as it may"):
            discounts.redeem(agreed(make_organisation()), code="WELCOME", starts_on=DECEMBER)
        discounts.end(agreed(customer), discount=made, ends_on=JANUARY)
        assert Discount.objects.get().ends_on == JANUARY

    def test_of_a_coupon_are_limited_by_the_database_as_well(self, db):
        coupon = make_coupon(most_redemptions=1)
        with pytest.raises(IntegrityError, match="not_redeemed_too_often"), transaction.atomic():
            Coupon.objects.filter(pk=coupon.pk).update(redeemed=2)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_redeem_at_once_as_many_get_it_as_may():
    make_coupon(most_redemptions=3)
    many = [agreed(make_organisation()) for _ in range(8)]

    def redeemer(one):
        return lambda: discounts.redeem(one, code="WELCOME", starts_on=DECEMBER)

    raised = run_at_once(*map(redeemer, many), expected=Refused)

    assert len(raised) == 5
    assert Discount.objects.count() == Coupon.objects.get().redeemed == 3


def make_coupon(**limits):
    return Coupon.objects.create(
        code="WELCOME", text="Welcome", rate=Decimal("0.2"), periods=3, **limits
    )
