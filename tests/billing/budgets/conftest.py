from datetime import UTC, date, datetime

import pytest
from time_machine import travel

from billing.metering.models import Service
from tests.factories import make_daily_usage, make_plan, make_subscription

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon():
    with travel(NOON, tick=False):
        yield


@pytest.fixture
def customer(acme):
    """Acme pays a euro an hour, and has used 60 hours this November."""
    hours = Service.objects.get(slug="execution-time")
    make_subscription(organisation=acme, plan_version=make_plan(prices={hours: [(None, "1")]}))
    make_daily_usage(acme, date(2026, 11, 10), hours=60)
    return acme
