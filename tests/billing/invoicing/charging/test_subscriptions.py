from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing.accounts.account import BillingAccount, account_id
from billing.invoicing.charging.subscriptions import AlreadySubscribed, NotOnOffer, subscribe
from billing.invoicing.models import Subscription
from billing.pricing.models import PlanVersion
from eventstore import repository
from tests.factories import make_draft, make_organisation, make_plan, make_service

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 5)
TODAY: Any = {"starts_on": DAY, "now": datetime(2026, 10, 5, 9, tzinfo=UTC)}


class TestSubscribe:
    def test_writes_the_row(self) -> None:
        organisation, plan = make_organisation(), make_plan(prices={make_service(): [(None, "1")]})

        made = subscribe(organisation=organisation, plan_version=plan, **TODAY)

        assert made == Subscription.objects.get()
        assert (made.organisation, made.plan_version, made.starts_on) == (organisation, plan, DAY)

    def test_tells_the_billing_account(self) -> None:
        organisation, plan = make_organisation(), make_plan(prices={make_service(): [(None, "1")]})
        subscribe(organisation=organisation, plan_version=plan, **TODAY)
        account = repository.load(
            BillingAccount, tenant_id=organisation.pk, stream_id=account_id(organisation.pk)
        )
        assert account.state.subscriptions == {DAY: plan.pk}

    def test_refuses_a_draft(self) -> None:
        draft = make_draft(prices={make_service(): [(None, "1")]})
        with pytest.raises(NotOnOffer, match="is draft, not published"):
            subscribe(organisation=make_organisation(), plan_version=draft, **TODAY)

    def test_refuses_a_retired_version(self) -> None:
        plan = make_plan(prices={make_service(): [(None, "1")]})
        PlanVersion.objects.update(status="retired")
        plan.refresh_from_db()
        with pytest.raises(NotOnOffer, match="is retired, not published"):
            subscribe(organisation=make_organisation(), plan_version=plan, **TODAY)

    def test_refuses_two_plans_from_one_day(self) -> None:
        organisation, plan = make_organisation(), make_plan(prices={make_service(): [(None, "1")]})
        subscribe(organisation=organisation, plan_version=plan, **TODAY)
        with pytest.raises(AlreadySubscribed):
            subscribe(organisation=organisation, plan_version=plan, **TODAY)
        assert Subscription.objects.count() == 1
