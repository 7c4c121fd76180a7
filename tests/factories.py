"""Make what a test needs, in one call each; every name is new unless given."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from itertools import count
from typing import Any

from django.db import connection, transaction
from django.utils.text import slugify

from billing.exact import exactly
from billing.invoicing.legal import BillingDetails, LegalEntity, default_seller
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.parties import Party, frozen
from billing.metering.models import Definition, Service
from billing.metering.usage_tables import DailyUsage, PlatformUsage
from billing.periods import DAY_MICROSECONDS, Days
from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.pricing.plans import publish
from catacloud.accounts.models import Membership, Organisation, User
from eventstore import store
from eventstore.models import Horizon

Prices = Sequence[tuple[str | None, str]]  # (up to, unit price), the last without end

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse battery"
GB = 10**9

numbers = count(1)


def make_organisation(name: str | None = None, *, time_zone: str = "UTC") -> Organisation:
    name = name or f"Organisation {next(numbers)}"
    return Organisation.objects.create(
        slug=slugify(name), name=name, created_at=LONG_AGO, time_zone=time_zone
    )


def make_user(
    email: str,
    *,
    organisation: Organisation | None = None,
    role: str = Membership.Role.MEMBER,
    **fields: Any,
) -> User:
    user = User.objects.create_user(email, PASSWORD, **fields)
    if organisation is not None:
        Membership.objects.create(user=user, organisation=organisation, role=role)
    return user


def make_services() -> None:
    """Make those ready-made services again that are missing."""
    first = import_module("billing.migrations.0002_ready_made_services").SERVICES
    later = import_module("billing.migrations.0012_definitions_of_services").TRANSFER
    known = set(Service.objects.values_list("slug", flat=True))
    missing = [fields for fields in [*first, later] if fields["slug"] not in known]
    services = Service.objects.bulk_create(_ready_made(**fields) for fields in missing)
    Definition.objects.bulk_create(
        _definition(service, fields["event_type"], fields["quantity_field"])
        for service, fields in zip(services, missing, strict=True)
    )


def _ready_made(*, aggregation: str, event_type: str, quantity_field: str, **own: Any) -> Service:
    """Make a service of what the first migrations called it; a sum was a counter then."""
    return Service(aggregation="level" if aggregation == "level" else "sum", **own)


def _definition(service: Service, event_type: str, quantity_path: str) -> Definition:
    return Definition(
        service=service,
        starts_at=datetime(2000, 1, 1, tzinfo=UTC),
        event_types=[event_type],
        quantity_path=quantity_path,
    )


HERE = f"""
INSERT INTO {Horizon._meta.db_table} (id, position)
SELECT 1, last_value - (NOT is_called)::int FROM eventstore_position
ON CONFLICT (id) DO UPDATE SET position = excluded.position
"""


def start_feed_here() -> None:
    """Put the feed's horizon where positions stand: what earlier tests took is no gap of ours."""
    with connection.cursor() as cursor:  # one statement, for nearly every test begins with it
        cursor.execute(HERE)


def make_service(
    *,
    slug: str | None = None,
    level: bool = False,
    aggregation: str | None = None,
    unit: str = "h",
    unit_size: int = 3600,
) -> Service:
    """Make a counter in seconds, priced per hour, or a level, or what is asked for."""
    slug = slug or f"service-{next(numbers)}"
    level = level or aggregation == "level"
    service = Service.objects.create(
        slug=slug,
        name=slug,
        aggregation=aggregation or ("level" if level else "sum"),
        unit=unit,
        unit_size=unit_size,
        level_unit="GB" if level else "",
        level_unit_size=10**9 if level else None,
    )
    _definition(service, f"test.{slug}", "quantity").save()
    return service


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
    sums = {"quantity": quantity, "area": area, "event_count": 1}
    row = DailyUsage(organisation=organisation, service=service, day=day, **sums)
    make_usage_rows([row])
    return row


def make_usage_rows(rows: Sequence[DailyUsage]) -> None:
    """Save rows of organisations, and add them to those of the platform."""
    place, sums = ("partition", "service_id", "day"), ("quantity", "area", "event_count")
    known = PlatformUsage.objects.filter(day__in={row.day for row in rows})
    totals = {(one.partition, one.service_id, one.day): one for one in known}
    for row in rows:
        key = store.partition_of(row.organisation_id), row.service_id, row.day
        if key not in totals:
            fields = {**dict(zip(place, key, strict=True)), **dict.fromkeys(sums, 0)}
            totals[key] = PlatformUsage(**fields)
        with exactly():
            for name in sums:
                setattr(totals[key], name, getattr(totals[key], name) + getattr(row, name))
    DailyUsage.objects.bulk_create(rows)
    PlatformUsage.objects.bulk_create(
        totals.values(), update_conflicts=True, unique_fields=place, update_fields=sums
    )


def make_daily_usage(
    organisation: Organisation, *days: date, stored_gb: int = 0, hours: Decimal | int = 0
) -> None:
    """Store more from the start of each day on, and compute for some hours on it."""
    area = stored_gb * GB * DAY_MICROSECONDS
    used = {"storage": (stored_gb * GB, area), "execution-time": (int(hours * 3600), 0)}
    rows = []
    for service in Service.objects.filter(slug__in=used):
        quantity, area = used[service.slug]
        sums = {"quantity": quantity, "area": area, "event_count": 1}
        if quantity:
            rows += [
                DailyUsage(organisation=organisation, service=service, day=day, **sums)
                for day in days
            ]
    make_usage_rows(rows)


def make_seller(**fields: Any) -> LegalEntity:
    """Make a company in Germany that charges 19 % VAT, and 7 % where it is reduced."""
    given: dict[str, Any] = {
        "slug": "gmbh",
        "legal_name": "Catacloud GmbH",
        "street": "Am Kai 7",
        "postcode": "24103",
        "city": "Kiel",
        "country": "DE",
        "vat_id": "DE136695976",
        "registration": "Amtsgericht Kiel, HRB 12345",
        "email": "billing@catacloud.example",
        "bank": "Förde Bank",
        "iban": "DE89370400440532013000",
        "bic": "COBADEFFXXX",
        "is_default": True,
    }
    entity = LegalEntity(**{**given, **fields})
    if entity.slug != given["slug"]:
        entity.credit_note_prefix = f"CN{entity.invoice_prefix}"[:12]
    entity.save()
    for tax_class, percent in [("standard", "19"), ("reduced", "7")]:
        entity.vat_rates.create(
            country="DE", tax_class=tax_class, percent=Decimal(percent), starts_on=date(2007, 1, 1)
        )
    return entity


def make_billing_details(organisation: Organisation, **fields: Any) -> BillingDetails:
    """Make a company in Germany of an organisation."""
    given: dict[str, Any] = {
        "legal_name": "Kunde GmbH",
        "street": "Hauptstraße 1",
        "postcode": "10115",
        "city": "Berlin",
        "country": "DE",
        "vat_id": "DE129273398",
        "email": "rechnung@kunde.example",
    }
    return BillingDetails.objects.create(organisation=organisation, **{**given, **fields})


@transaction.atomic
def make_invoice(
    organisation: Organisation, days: Days, *, number: str = "2026-0001", hours: int = 100
) -> Invoice:
    """Make an invoice of one line: hours at 0.70 EUR."""
    service = Service.objects.get(slug="execution-time")
    amount = Decimal("0.70") * hours
    invoice = Invoice.objects.create(
        organisation=organisation,
        plan_version=make_plan(prices={service: [(None, "0.70")]}),
        number=number,
        starts_on=days.first,
        ends_on=days.end,
        currency="EUR",
        total=amount,
        gross=amount,
        credit_used=Decimal(0),
        legal_entity=default_seller(),
        seller=frozen(default_seller().party),
        buyer=frozen(Party(name=organisation.name, key=organisation.slug)),
        line_count=1,
        issued_at=days.ends_at,
        due_on=days.end,
    )
    InvoiceLine.objects.create(
        invoice=invoice,
        position=1,
        service=service,
        service_name=service.name,
        quantity=hours,
        unit="h",
        amount=amount,
        working=[
            {
                "from": "0",
                "up_to": None,
                "quantity": str(hours),
                "unit_price": "0.70",
                "amount": str(amount),
            }
        ],
    )
    return invoice
