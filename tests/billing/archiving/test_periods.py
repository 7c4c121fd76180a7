"""A month is archived so long after it was invoiced, or was over where nobody is invoiced."""

from datetime import UTC, date, datetime, timedelta

import pytest

from billing.archiving.periods import to_archive
from billing.periods import month_of
from billing.pricing.models import PlanVersion
from tests.billing.archiving.usage import NOW, WEEK, make_tokens, use
from tests.factories import make_invoice, make_subscription

pytestmark = pytest.mark.django_db

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture(autouse=True)
def used(acme):
    make_tokens()
    use(acme)


def due(organisation, now=NOW, after=WEEK):
    return [month.first for month in to_archive(organisation, now=now, after=after)]


def test_months_that_are_over_for_long_enough_where_nobody_is_invoiced(acme):
    assert due(acme) == [SEPTEMBER, OCTOBER]
    assert due(acme, after=timedelta(days=20)) == [SEPTEMBER]
    assert due(acme, now=datetime(2026, 10, 8, tzinfo=UTC)) == [SEPTEMBER]
    assert due(acme, now=datetime(2026, 10, 7, 23, tzinfo=UTC)) == []


def test_months_that_were_invoiced_long_enough_ago_where_there_is_a_plan(acme):
    invoice = make_invoice(acme, month_of(SEPTEMBER))
    make_subscription(
        organisation=acme, plan_version=PlanVersion.objects.get(), starts_on=date(2026, 10, 15)
    )
    assert due(acme) == [SEPTEMBER]  # October has a plan, and no invoice yet
    assert due(acme, now=invoice.issued_at + WEEK - timedelta(seconds=1)) == []
