"""Which periods are due: each customer's own, and none twice."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.accounts import commands
from billing.invoicing import tasks
from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period, organisations_to_close
from billing.invoicing.closing.due import due_periods
from billing.invoicing.models import Invoice
from billing.periods import ONE_DAY, Days, month_of
from billing.pricing.plans import publish
from tests.billing.accounts.agreeing import agreed
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_service,
    make_usage_row,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 3, tzinfo=UTC)
NOVEMBER = month_of(date(2026, 11, 1))
YEAR = Days(date(2025, 1, 1), date(2026, 1, 1))


def customer(starts_on=date(2026, 1, 15), **terms):
    draft = make_draft(prices={make_service(): [(None, "1")]})
    for name, value in terms.items():
        setattr(draft, name, value)
    draft.save()
    publish(version=draft, now=LONG_AGO)
    one = make_organisation()
    subscribe(organisation=one, plan_version=draft, starts_on=starts_on, now=LONG_AGO)
    return one


def due(grace=timedelta()):
    return [one.days for one in due_periods(now=NOW, grace=grace)]


@pytest.mark.parametrize(
    ("terms", "first", "end"),
    [
        ({}, "2026-11-01", "2026-12-01"),
        ({"anchor": "anniversary"}, "2026-10-15", "2026-11-15"),
        ({"billing_period": "quarterly"}, "2026-07-01", "2026-10-01"),
        ({"billing_period": "yearly"}, None, None),
    ],
)
def test_are_the_last_of_who_was_never_invoiced(terms, first, end):
    customer(**terms)
    assert due() == ([Days(date.fromisoformat(first), date.fromisoformat(end))] if first else [])


@pytest.mark.parametrize(
    ("starts_on", "terms", "days", "used_on", "total"),
    [
        # A year with 292 of its 365 days, and what was used on its first and last ones.
        (date(2025, 3, 15), {"billing_period": "yearly"}, YEAR, [YEAR.first, YEAR.last], "312.00"),
        # From the 31st on: a month without one ends its period a day earlier.
        (
            date(2026, 8, 31),
            {"anchor": "anniversary"},
            Days(date(2026, 10, 31), date(2026, 11, 30)),
            [date(2026, 10, 31), date(2026, 11, 29)],
            "385.00",
        ),
    ],
)
def test_are_invoiced_as_they_are(starts_on, terms, days, used_on, total):
    one = customer(starts_on, base_fee=Decimal(365), base_fee_timing="in_arrears", **terms)
    service = one.subscriptions.get().plan_version.charges.get().service
    for day in [days.first - ONE_DAY, *used_on, days.end]:
        make_usage_row(organisation=one, service=service, day=day, quantity=10 * 3600)
    assert due() == [days]
    assert close_period(organisation=one, days=days, now=NOW).total == Decimal(total)


def test_are_all_since_the_last_invoice():
    one = customer()
    close_period(organisation=one, days=month_of(date(2026, 9, 1)), now=NOW)
    assert due() == [month_of(date(2026, 10, 1)), NOVEMBER]
    assert due(grace=timedelta(days=5)) == [month_of(date(2026, 10, 1))]


def test_end_with_the_account():
    one = customer()
    close_period(organisation=one, days=month_of(date(2026, 9, 1)), now=NOW)
    commands.close(agreed(one), closes_on=date(2026, 10, 20))
    assert due() == [month_of(date(2026, 10, 1))]


def test_a_month_is_closed_for_those_alone_whose_period_it_is():
    monthly = customer()
    customer(billing_period="quarterly")
    assert list(organisations_to_close(days=NOVEMBER, now=NOW)) == [monthly]


def test_every_account_has_a_task_which_may_come_twice(monkeypatch):
    one = customer()
    rung = []
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    monkeypatch.setattr(tasks.close_accounts, "delay", lambda **data: rung.append(data))
    tasks.close_due()
    for data in rung * 2:
        tasks.close_accounts(**data)
    assert Invoice.objects.get().organisation == one
    tasks.close_due()
    assert len(rung) == 1
