"""Make what a test needs, in one call each; every name is new unless given."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from itertools import count

from django.utils.text import slugify

from billing.invoicing.models import Subscription
from billing.metering.models import DailyUsage, Service
from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.pricing.plans import publish
from catacloud.accounts.models import Organisation

Prices = Sequence[tuple[str | None, str]]  # (up to, unit price), the last without end

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

numbers = count(1)


def make_organisation(name: str | None = None) -> Organisation:
    name = name or f"Organisation {next(numbers)}"
    return Organisation.objects.create(slug=slugify(name), name=name, created_at=LONG_AGO)


def make_services() -> None:
    """Make the ready-made services again where a transactional test has emptied all tables."""
    for fields in import_module("billing.migrations.0002_ready_made_services").SERVICES:
        Service.objects.get_or_create(slug=fields["slug"], defaults=fields)


def make_service(
    *, slug: str | None = None, level: bool = False, unit: str = "h", unit_size: int = 3600
) -> Service:
    """Make a counter in seconds, priced per hour, or a level."""
    slug = slug or f"service-{next(numbers)}"
    return Service.objects.create(
        slug=slug,
        name=slug,
        aggregation="level" if level else "counter",
        event_type=f"test.{slug}",
        quantity_field="quantity",
        unit=unit,
        unit_size=unit_size,
        level_unit="GB" if level else "",
        level_unit_size=10**9 if level else None,
    )


def make_draft(
    *, prices: Mapping[Service, Prices], currency: str = "EUR", plan: Plan | None = None
) -> PlanVersion:
    if plan is None:
        slug = f"plan-{next(numbers)}"
        plan = Plan.objects.create(slug=slug, name=slug)
    version = PlanVersion.objects.create(
        plan=plan, number=plan.versions.count() + 1, currency=currency
    )
    for service, tiers in prices.items():
        model = Charge.Model.PER_UNIT if len(tiers) == 1 else Charge.Model.GRADUATED
        charge = Charge.objects.create(version=version, service=service, model=model)
        for up_to, unit_price in tiers:
            Tier.objects.create(
                charge=charge, up_to=up_to and Decimal(up_to), unit_price=Decimal(unit_price)
            )
    return version


def make_plan(*, prices: Mapping[Service, Prices], currency: str = "EUR") -> PlanVersion:
    """Make a plan with one version, which is published."""
    version = make_draft(prices=prices, currency=currency)
    publish(version=version, now=LONG_AGO)
    return version


def make_subscription(
    *,
    plan_version: PlanVersion,
    organisation: Organisation | None = None,
    starts_on: date = date(2026, 1, 1),
) -> Subscription:
    return Subscription.objects.create(
        organisation=organisation or make_organisation(),
        plan_version=plan_version,
        starts_on=starts_on,
    )


def make_usage_row(
    *,
    organisation: Organisation,
    service: Service,
    day: date,
    quantity: Decimal | int,
    area: Decimal | int = 0,
) -> DailyUsage:
    return DailyUsage.objects.create(
        organisation=organisation,
        service=service,
        day=day,
        quantity=quantity,
        area=area,
        event_count=1,
    )
