"""What an account agrees to, and refuses, without a database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from billing.accounts import events as said
from billing.accounts.account import BillingAccount, Refused
from eventstore.testing import given

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)
ONE, TWO = UUID(int=1), UUID(int=2)
SUBSCRIBED = said.AccountSubscribed(plan_version=1, starts_on=NOVEMBER)
WHY = {"reason": "agreed by phone"}
CLOSED = said.AccountClosed(closes_on=DECEMBER, **WHY)


def price(override=ONE, starts_on=NOVEMBER, ends_on=None, service=7):
    return said.PriceOverridden(
        override=override, service=service, terms={}, starts_on=starts_on, ends_on=ends_on, **WHY
    )


def discount(coupon=""):
    return said.DiscountGranted(
        discount=ONE,
        rate=Decimal("0.1"),
        amount=None,
        service=None,
        starts_on=DECEMBER,
        periods=3,
        coupon=coupon,
        **WHY,
    )


def change(plan_version, is_prorated=True):
    return lambda account: account.change_plan(
        plan_version=plan_version,
        starts_on=DECEMBER,
        is_prorated=is_prorated,
        currencies={1: "EUR", 2: "EUR", 3: "USD"},
        now=NOON,
        **WHY,
    )


class TestPlans:
    def test_a_change_is_from_a_day_on(self):
        event = said.PlanChanged(plan_version=2, starts_on=DECEMBER, is_prorated=True, **WHY)
        account = given(BillingAccount, SUBSCRIBED).when(change(2)).then(event)
        account.then_state(subscriptions={NOVEMBER: 1, DECEMBER: 2})

    @pytest.mark.parametrize(
        ("history", "why"),
        [([], "on no plan yet"), ([SUBSCRIBED, CLOSED], "closed from 2026-12-01 on")],
    )
    def test_a_change_needs_a_plan_and_an_open_account(self, history, why):
        with pytest.raises(Refused, match=why):
            change(2)(given(BillingAccount, *history).state)

    def test_a_change_to_the_same_is_refused(self):
        with pytest.raises(Refused, match="already"):
            change(1)(given(BillingAccount, SUBSCRIBED).state)

    def test_a_change_to_another_currency_does_not_divide_a_period(self):
        with pytest.raises(Refused, match="cannot go from EUR to USD amid one"):
            change(3)(given(BillingAccount, SUBSCRIBED).state)
        event = said.PlanChanged(plan_version=3, starts_on=DECEMBER, is_prorated=False, **WHY)
        given(BillingAccount, SUBSCRIBED).when(change(3, is_prorated=False)).then(event)

    def test_a_migration_counts_once_and_can_be_undone(self):
        def migrate(account):
            return account.migrate(migration=ONE, plan_version=2, starts_on=NOVEMBER, now=NOON)

        migrated = said.AccountMigrated(migration=ONE, plan_version=2, starts_on=NOVEMBER)
        given(BillingAccount, SUBSCRIBED).when(migrate).then(migrated)
        given(BillingAccount, SUBSCRIBED, migrated).when(migrate).then()
        given(BillingAccount, SUBSCRIBED, migrated).when(
            lambda account: account.undo_migration(migration=ONE, now=NOON)
        ).then(said.MigrationUndone(migration=ONE, starts_on=NOVEMBER)).then_state(
            subscriptions={NOVEMBER: 1}, migrations={}
        )


class TestOwnPrices:
    def test_of_one_service_never_overlap(self):
        account = given(BillingAccount, price(ends_on=JANUARY)).state
        with pytest.raises(Refused, match="some of these days"):
            account.override_price(event=price(TWO, DECEMBER), now=NOON)
        assert account.override_price(event=price(TWO, JANUARY), now=NOON)
        assert account.override_price(event=price(TWO, DECEMBER, service=8), now=NOON)

    def test_are_followed_by_others_once_ended(self):
        ended = said.PriceOverrideEnded(override=ONE, ends_on=DECEMBER, **WHY)
        account = given(BillingAccount, price(), ended).state
        assert account.override_price(event=price(TWO, DECEMBER), now=NOON)

    @pytest.mark.parametrize("override", [TWO, ONE])
    def test_end_where_they_are_in_force(self, override):
        account = given(BillingAccount, price(starts_on=DECEMBER)).state
        with pytest.raises(Refused):
            account.end_price(override=override, ends_on=NOVEMBER, now=NOON, **WHY)

    def test_have_an_end_after_their_start(self):
        with pytest.raises(Refused, match="after the start"):
            BillingAccount().override_price(event=price(ends_on=NOVEMBER), now=NOON)


class TestDiscounts:
    def test_of_a_coupon_come_once(self):
        account = given(BillingAccount, discount("WELCOME")).state
        with pytest.raises(Refused, match="used the coupon WELCOME already"):
            account.grant_discount(event=discount("WELCOME"), now=NOON)
        assert account.grant_discount(event=discount(), now=NOON)

    def test_end_once(self):
        ended = said.DiscountEnded(discount=ONE, ends_on=JANUARY, **WHY)
        account = given(BillingAccount, discount(), ended).state
        with pytest.raises(Refused, match="ended before"):
            account.end_discount(discount=ONE, ends_on=JANUARY, now=NOON, **WHY)


class TestStandstills:
    def test_a_pause_ends_before_the_next(self):
        paused = said.AccountPaused(starts_on=NOVEMBER, **WHY)
        account = given(BillingAccount, paused).state
        with pytest.raises(Refused, match="paused on that day"):
            account.pause(starts_on=DECEMBER, now=NOON, **WHY)
        with pytest.raises(Refused, match="from 2026-11-01 on only"):
            account.resume(ends_on=NOVEMBER, now=NOON, **WHY)
        resumed = said.AccountResumed(ends_on=DECEMBER, **WHY)
        assert given(BillingAccount, paused, resumed).state.pause(
            starts_on=DECEMBER, now=NOON, **WHY
        )

    def test_only_who_is_paused_resumes(self):
        with pytest.raises(Refused, match="not paused"):
            BillingAccount().resume(ends_on=DECEMBER, now=NOON, **WHY)

    def test_a_closed_account_agrees_to_nothing_more(self):
        account = given(BillingAccount, SUBSCRIBED, CLOSED).state
        with pytest.raises(Refused, match="closed"):
            account.pause(starts_on=DECEMBER, now=NOON, **WHY)
        with pytest.raises(Refused, match="closed"):
            account.join_pool(parent=ONE, starts_on=DECEMBER, now=NOON, **WHY)


class TestPools:
    def test_one_at_a_time(self):
        joined = said.PoolJoined(parent=ONE, starts_on=NOVEMBER, **WHY)
        account = given(BillingAccount, joined).state
        with pytest.raises(Refused, match="in a volume account"):
            account.join_pool(parent=TWO, starts_on=DECEMBER, now=NOON, **WHY)
        left = said.PoolLeft(ends_on=DECEMBER, **WHY)
        account = given(BillingAccount, joined, left).state
        assert account.join_pool(parent=TWO, starts_on=DECEMBER, now=NOON, **WHY)

    def test_only_a_member_leaves(self):
        with pytest.raises(Refused, match="in no volume account"):
            BillingAccount().leave_pool(ends_on=DECEMBER, now=NOON, **WHY)
