"""A platform with one of everything that the admin has pages of, all of it with long names."""

from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group

from billing.accounts.models import Coupon
from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.settling.after import Payment
from billing.invoicing.settling.crediting import credit, shares
from billing.migrating.models import PlanMigration
from billing.migrating.naming import name
from billing.migrating.simulating import simulate
from billing.periods import month_before, month_of
from billing.pricing.plans import new_draft, publish
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey, Organisation, User
from eventstore import shredding
from eventstore.models import Checkpoint, DeadLetter, Stream
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_draft,
    make_organisation,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
    make_usage_row,
    make_user,
)

LONG = "Gesellschaft für ausgesprochen lange Namen in schmalen Spalten mbH"
WORD = "https://example.org/" + "long" * 30  # which has no place to break at


def make_one_of_each(*, by: User, now: datetime) -> None:
    customer = make_organisation(LONG)
    make_seller(legal_name=LONG)
    make_billing_details(customer, legal_name=LONG)
    _bill(customer, by=by, now=now)
    Coupon.objects.create(code="SPRING", text=LONG, rate=Decimal("0.1"))
    Group.objects.create(name=LONG)
    make_user("somebody.with.quite.a.long.name.and.a.longer.one.yet@example.org", is_staff=True)
    create_api_key(organisation=customer, name="Farm", now=now)
    ApiKey.objects.create(name="Platform", prefix="12345678", digest="0", created_at=now)
    _fail(now=now)
    things = [model._default_manager.first() for model in admin.site._registry]
    for one in filter(None, things):
        LogEntry.objects.log_actions(by.pk, [one], CHANGE, f"Changed {WORD}.", single_object=True)


def _bill(customer: Organisation, *, by: User, now: datetime) -> None:
    """Invoice a month, credit a part, take a payment; and let a new price be on its way."""
    hours, days = make_service(slug="hours"), month_before(month_of(now.date()))
    first = make_plan(prices={hours: [("100", "0.10"), (None, "0.05")]})
    subscribe(organisation=customer, plan_version=first, starts_on=days.first, now=LONG_AGO)
    make_usage_row(organisation=customer, service=hours, day=days.first, quantity=200 * 3600)
    invoice = close_period(organisation=customer, days=days, now=now)
    assert invoice is not None
    credit(invoice, shares(invoice, Decimal(7)), reason=WORD, now=now)
    Payment.objects.create(
        **{"invoice": invoice, "amount": Decimal(3), "reference": "2026-11-0042 Bank"},
        **{"received_on": days.end, "recorded_at": now, "recorded_by": by},
    )
    second = make_draft(prices={hours: [("100", "0.20"), (None, "0.05")]}, plan=first.plan)
    publish(version=second, now=now)
    simulate(name(PlanMigration(to_version=second, reason=WORD), now=now), now=now)
    new_draft(version=second)
    make_subscription(plan_version=second)


def _fail(*, now: datetime) -> None:
    """Let a consumer fail at an event, another one be skipped, and a tenant be shredded."""
    Checkpoint.objects.create(
        **{"consumer": "billing-execution-time", "partition": 2, "attempts": 4, "error": WORD},
        **{"failed_position": 10**9, "failed_at": now, "retry_at": now},
    )
    stream = Stream.objects.all()[0]
    DeadLetter.objects.create(
        **{"consumer": "billing-execution-time", "partition": 2, "position": 10**9},
        **{"tenant_id": stream.tenant_id, "stream_id": stream.stream_id, "version": 1},
        **{"error": WORD, "reason": f"Agreed: {WORD}", "skipped_by": "ada@example.org"},
    )
    shredding.shred(tenant_id=uuid4(), by="ada@example.org", reason=f"Asked for in {WORD}")
