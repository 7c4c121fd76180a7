"""Periods that a change of plan divides, and volume accounts that share theirs."""

from datetime import date
from decimal import Decimal

import pytest

from billing.accounts import commands
from billing.invoicing.charging.subscriptions import change_plan
from billing.pricing.charges import Charge
from billing.pricing.plans import publish
from tests.billing.accounts.agreeing import agreed
from tests.billing.invoicing.charging.customers import (
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    close,
    customer,
    lines,
    plan,
    use,
)
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_plan,
)

pytestmark = pytest.mark.django_db


class TestAChangeOfPlan:
    def test_prorated_divides_the_period(self, hours):
        terms = {"base_fee": Decimal(31), "base_fee_timing": "in_arrears"}
        one = customer(hours, used=150, **terms)
        use(one, hours, 10, date(2026, 10, 21))
        dear = plan(hours, [(None, "1")], **(terms | {"base_fee": Decimal(62)}))
        change_plan(agreed(one), plan_version=dear, starts_on=date(2026, 10, 21), is_prorated=True)
        invoice = close(one)
        # 150 h graduated and 10 h at 1; 20 of 31 days at 31 and 11 at 62
        assert lines(invoice) == [("usage", "22.50"), ("base_fee", "42.00")]
        assert invoice.lines.first().quantity == 160
        use(one, hours, 1, date(2026, 10, 22))
        assert lines(close(one, NOVEMBER))[-1] == ("correction", "1.00")

    def test_prorated_shares_by_days_what_is_of_a_whole_period(self, hours):
        def flat(amount):
            draft = make_draft(prices={})
            Charge.objects.create(version=draft, service=hours, model="flat", amount=amount)
            publish(version=draft, now=LONG_AGO)
            return draft

        one = customer(hours, on=flat(31))
        change_plan(
            agreed(one), plan_version=flat(62), starts_on=date(2026, 10, 21), is_prorated=True
        )
        # 20 of 31 days at 31 and 11 at 62
        assert lines(close(one)) == [("usage", "42.00")]


class TestAVolumeAccount:
    def test_is_rated_on_all_and_shared_to_the_last_cent(self, hours):
        version = plan(hours)
        parent = customer(hours, used=100, on=version)
        members = [customer(hours, used=used, on=version) for used in (50, 51)]
        for member in members:
            commands.join_pool(agreed(member), parent=parent, starts_on=OCTOBER.first)
        # 201 h: 100 at 0.10 and 101 at 0.05, that is 15.05: shared 7.4876, 3.7438, 3.8186
        invoices = [close(one) for one in (parent, *members)]
        assert [invoice.total for invoice in invoices] == [
            Decimal("7.49"),
            Decimal("3.74"),
            Decimal("3.82"),
        ]
        line = invoices[1].lines.get()
        assert line.quantity == 50
        assert sum(Decimal(step["amount"]) for step in line.working) == Decimal("3.74")

    def test_is_divided_where_its_parents_plan_changes_and_by_no_others(self, hours):
        version, dear = plan(hours), plan(hours, [(None, "1")])
        parent, member = customer(hours, used=150, on=version), customer(hours, used=50, on=version)
        late = customer(hours, used=100, on=version, starts_on=date(2026, 10, 25))
        for one, day in ((member, OCTOBER.first), (late, date(2026, 10, 25))):
            commands.join_pool(agreed(one), parent=parent, starts_on=day)
        use(member, hours, 10, date(2026, 10, 21))
        for one, day in ((parent, date(2026, 10, 21)), (member, date(2026, 10, 23))):
            change_plan(agreed(one), plan_version=dear, starts_on=day, is_prorated=True)
        # 300 h: 100 at 0.10 and 200 at 0.05, that is 20.00, and then 10 h at 1.
        invoices = [close(one) for one in (parent, member, late)]
        assert [one.total for one in invoices] == [10, Decimal("13.33"), Decimal("6.67")]
        assert set(invoices[1].metered_others) == {str(parent.pk), str(late.pk)}
        use(parent, hours, 2, date(2026, 10, 22))
        assert lines(close(parent, NOVEMBER))[-1] == ("correction", "2.00")

    def test_ends_with_its_last_day(self, hours):
        version = plan(hours)
        parent, member = (customer(hours, used=100, on=version) for _ in range(2))
        commands.join_pool(agreed(member), parent=parent, starts_on=SEPTEMBER.first)
        commands.leave_pool(agreed(member), ends_on=OCTOBER.last)
        assert close(member).total == close(parent).total == 10

    def test_of_another_currency_is_rated_by_itself(self, hours):
        parent = customer(hours, on=make_plan(prices={hours: [(None, "9")]}, currency="USD"))
        member = customer(hours, used=100)
        commands.join_pool(agreed(member), parent=parent, starts_on=OCTOBER.first)
        assert close(member).total == 10
