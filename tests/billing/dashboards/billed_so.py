"""Organisations that are billed in one way or another, and use more or less every few days."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from billing.accounts import commands
from billing.metering.models import Definition, Dimension, Service
from billing.metering.usage_tables import DailyUsage, HourlyUsage
from billing.periods import day_of
from billing.pricing.models import Charge, Tier
from billing.pricing.plans import publish
from tests.billing.accounts.agreeing import agreed
from tests.billing.dashboards.conftest import NOW
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_rows,
)

TIERS = [("100", "0"), ("900", "0.013"), (None, "0.007")]
FIRST = date(2026, 8, 1)


def of_each_kind() -> list[Service]:
    """Return what adds up over days, as a sum and as a level, and what does not."""
    seats = make_service(slug="seats", aggregation="max", unit="seats", unit_size=1)
    return [*what_adds_up(), seats]


def what_adds_up() -> list[Service]:
    return [Service.objects.get(slug="execution-time"), Service.objects.get(slug="storage")]


def use(organisation, services):
    """Use more or less of each service every few days, up to today."""
    rows = []
    for number in range(0, (day_of(NOW) - FIRST).days, 3):
        for at, service in enumerate(services):
            quantity = (number * 7919 + at * 104729) % 9973 * (10**6 if service.is_level else 97)
            sums = {"quantity": Decimal(quantity), "area": 0, "event_count": 1}
            day = FIRST + timedelta(days=number + at)
            rows.append(DailyUsage(organisation=organisation, service=service, day=day, **sums))
    make_usage_rows(rows)


def monthly(acme, services):
    version = make_plan(prices=dict.fromkeys(services, TIERS))
    make_subscription(organisation=acme, plan_version=version)


def quarterly(acme, services):
    version = make_draft(prices=dict.fromkeys(services, TIERS))
    version.billing_period = "quarterly"
    version.save()
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version)


def since_the_tenth(acme, services):
    version = make_draft(prices=dict.fromkeys(services, TIERS))
    version.anchor = "anniversary"
    version.save()
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version, starts_on=date(2026, 6, 10))


def changed_within(acme, services):
    monthly(acme, services)
    for day in (date(2026, 10, 16), date(2026, 11, 28)):  # and to be changed again
        version = make_plan(prices={one: [("50", "0"), (None, "0.02")] for one in services[:2]})
        change = make_subscription(organisation=acme, plan_version=version, starts_on=day)
        change.is_prorated = True
        change.save()


def in_a_volume_account(acme, services):
    monthly(acme, services)
    parent = make_organisation("Parent")
    monthly(parent, services)
    use(parent, services)
    commands.join_pool(agreed(acme), parent=parent, starts_on=date(2026, 9, 1))


def by_region(acme, services):
    """Price a region of the first service by itself, of which hours tell apart what days do not."""
    [service, *others] = services
    definition = Definition.objects.create(
        service=service, starts_at=LONG_AGO, event_types=["test.used"], quantity_path="n"
    )
    Dimension.objects.create(definition=definition, name="region", path="region")
    version = make_draft(prices=dict.fromkeys(others, TIERS))
    for priced, price in (({"dimension": "region", "value": "eu"}, "0.013"), ({}, "0.007")):
        charge = Charge.objects.create(version=version, service=service, model="per_unit", **priced)
        Tier.objects.create(charge=charge, unit_price=Decimal(price))
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version)
    start = datetime(2026, 8, 1, 12, tzinfo=UTC)
    HourlyUsage.objects.bulk_create(
        HourlyUsage(
            organisation=acme,
            service=service,
            hour=start + timedelta(days=number),
            groups={"region": region},
            **{"quantity": Decimal(number * 3607 + 1), "area": 0, "event_count": 1},
        )
        for number in range(0, (day_of(NOW) - FIRST).days, 3)
        for region in ("eu", "us")
    )


WAYS = [monthly, quarterly, since_the_tenth, changed_within, in_a_volume_account, by_region]
