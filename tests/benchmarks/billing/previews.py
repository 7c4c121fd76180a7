"""The preview of the next invoice, of who has been invoiced for two years."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from statistics import quantiles

from django.db import transaction

from billing.invoicing.closing.close import close_period
from billing.invoicing.closing.drafting import draft_of
from billing.metering.folding.saga import CONSUMER
from billing.metering.usage_tables import DailyUsage
from billing.periods import Days, month_of
from eventstore.models import Checkpoint
from eventstore.store import partition_of
from tests.benchmarks.harness import Measure, Options, at_most
from tests.factories import make_plan, make_service, make_subscription

PREVIEWS, SERVICES = 100, 8
FIRST, NOW = date(2024, 11, 1), datetime(2026, 11, 20, 12, tzinfo=UTC)


def preview(name: str, options: Options) -> Iterator[Measure]:
    """All in a transaction that is rolled back: the database stays a template."""
    with transaction.atomic():
        services = [make_service(level=number < 2) for number in range(SERVICES)]
        prices = {one: [("100", "0.10"), (None, "0.05")] for one in services}
        customer = make_subscription(
            plan_version=make_plan(prices=prices), starts_on=FIRST
        ).organisation
        this_month = month_of(NOW.date())
        days = [*Days(FIRST, this_month.end)]
        DailyUsage.objects.bulk_create(
            DailyUsage(
                organisation=customer, service=one, day=day, quantity=3600, area=0, event_count=1
            )
            for one in services
            for day in days
        )
        Checkpoint.objects.create(
            consumer=CONSUMER, partition=partition_of(customer.pk), position=len(days)
        )
        month = month_of(FIRST)
        while month.end <= this_month.first:
            close_period(organisation=customer, days=month, now=NOW)
            month = month_of(month.end)
        times = []
        for _ in range(max(20, int(PREVIEWS * options.scale))):
            start = time.perf_counter()
            draft_of(organisation=customer, days=this_month, now=NOW)
            times.append((time.perf_counter() - start) * 1000)
        transaction.set_rollback(True)
    p95 = quantiles(times, n=100, method="inclusive")[94]
    yield Measure(f"{name}: p95", "ms", p95, bars=[at_most(100, "ms")])
