"""What happens at once with a close is before it or after it, never in its midst."""

import os
import random
import signal
import time
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from billing.accounts import commands
from billing.accounts.account import Refused
from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Invoice
from billing.periods import month_of
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.factories import LONG_AGO, make_organisation, make_plan, make_service, make_usage_row
from tests.forked import Forked
from tests.races import run_at_once

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER = month_of(date(2026, 10, 1))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
CLOSER = """
import django; django.setup()
from datetime import UTC, date, datetime
from billing.invoicing.closing.close import close_period, organisations_to_close
from billing.periods import month_of
days, now = month_of(date(2026, 10, 1)), datetime(2026, 12, 1, tzinfo=UTC)
for one in organisations_to_close(days=days, now=now):
    close_period(organisation=one, days=days, now=now)
    print(one.slug, flush=True)
"""


def customers(count):
    hours = make_service()
    plan = make_plan(prices={hours: [(None, "1")]})
    many = [make_organisation() for _ in range(count)]
    for number, one in enumerate(many, 1):
        subscribe(organisation=one, plan_version=plan, starts_on=OCTOBER.first, now=LONG_AGO)
        make_usage_row(
            organisation=one, service=hours, day=date(2026, 10, 9), quantity=number * 3600
        )
    return hours, many


def test_a_price_override_during_a_close_is_on_the_invoice_or_refused():
    hours, many = customers(6)

    def closer(one):
        return lambda: close_period(organisation=one, days=OCTOBER, now=NOW)

    def overrider(one):
        return lambda: commands.override_price(
            agreed(one), service=hours, terms=PER_UNIT, starts_on=OCTOBER.first
        )

    jobs = [make(one) for one in many for make in (closer, overrider)]
    refused = run_at_once(*jobs, expected=Refused)

    assert Invoice.objects.count() == 6
    halved = 0
    for number, one in enumerate(many, 1):
        invoice, has_own = Invoice.objects.get(organisation=one), one.price_overrides.exists()
        assert invoice.total * (2 if has_own else 1) == number
        halved += has_own
    assert halved == 6 - len(refused)


def test_a_close_that_is_killed_is_gone_on_with_and_comes_out_the_same():
    """Closers are killed at random until all is closed: one invoice each, numbers without a gap."""
    _, many = customers(12)
    chance = random.Random(6)
    for _ in range(2):
        with closing() as process:
            for _ in range(chance.randint(1, 3)):
                process.stdout.readline()
            time.sleep(chance.random() / 50)
            process.send_signal(signal.SIGKILL)
    assert Invoice.objects.exists()
    with closing() as process:
        assert process.wait(60) == 0

    totals = [Invoice.objects.get(organisation=one).total for one in many]
    assert totals == list(range(1, len(many) + 1))
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"INV-2026-{n:05}" for n in range(1, len(many) + 1)]


def closing():
    """Start a process that closes October for everyone and says of each when it has."""
    name = connection.settings_dict["NAME"]
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()
    environ = {**os.environ, "DATABASE_URL": database}
    return Forked("-c", CLOSER, environment=environ, pipes=True)
