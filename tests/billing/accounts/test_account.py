"""The billing account decides and adds up, without a database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.accounts.account import AccountSubscribed, BillingAccount, MonthSums, UsageMetered
from billing.accounts.events import AccountOpened
from eventstore.testing import given

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
OPENED = AccountOpened(opened_on=NOVEMBER)
SUBSCRIBED = AccountSubscribed(plan_version=1, starts_on=NOVEMBER)


def subscribe(plan_version, starts_on=NOVEMBER):
    return lambda account: account.subscribe(
        plan_version=plan_version, starts_on=starts_on, now=NOON
    )


def metered(first, service, quantity, area=0):
    sums = MonthSums(Decimal(quantity), Decimal(area))
    return UsageMetered(until_position=1, months={first: {service: sums}})


class TestSubscribe:
    def test_puts_the_organisation_on_a_plan_version_from_a_day_on(self):
        decided = given(BillingAccount).when(subscribe(1)).then(OPENED, SUBSCRIBED)
        decided.then_state(subscriptions={NOVEMBER: 1})

    def test_to_the_same_again_changes_nothing(self):
        given(BillingAccount, SUBSCRIBED).when(subscribe(1)).then()

    def test_to_another_from_the_same_day_takes_its_place(self):
        other = AccountSubscribed(plan_version=2, starts_on=NOVEMBER)
        decided = given(BillingAccount, OPENED, SUBSCRIBED).when(subscribe(2)).then(other)
        decided.then_state(subscriptions={NOVEMBER: 2})


class TestMeter:
    def test_records_what_was_folded(self):
        months = {NOVEMBER: {"requests": MonthSums(Decimal(3))}}
        given(BillingAccount).when(
            lambda account: account.meter(months=months, until_position=9, now=NOON)
        ).then(UsageMetered(until_position=9, months=months)).then_state(months=months)

    def test_adds_up_by_month_and_service(self):
        history = [metered(NOVEMBER, "requests", 1), metered(NOVEMBER, "requests", "0.5")]
        account = given(BillingAccount, *history, metered(OCTOBER, "requests", 8)).state
        assert account.counted("requests", date(2026, 11, 30)) == Decimal("1.5")
        assert account.counted("requests", date(2026, 10, 31)) == 8
        assert account.counted("storage", date(2026, 10, 31)) == 0

    def test_loses_no_digit_of_a_very_long_number(self):
        huge, tiny = metered(NOVEMBER, "requests", "1e40"), metered(NOVEMBER, "requests", "1e-12")
        account = given(BillingAccount, huge, tiny).state
        assert account.counted("requests", NOVEMBER) == Decimal(f"1{'0' * 40}.000000000001")


class TestALevel:
    @pytest.mark.parametrize("hours", [0, 12, 36])
    def test_is_carried_into_the_next_month_and_integrated_there(self, hours):
        account = given(BillingAccount, metered(OCTOBER, "storage", 5, area=7)).state
        assert account.level("storage") == 5
        now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hours)
        assert account.integral("storage", now) == 5 * hours * 3_600_000_000
