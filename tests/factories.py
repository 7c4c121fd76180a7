"""Things that tests need, made by the project's own functions where there are some."""

from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

from django.utils.text import slugify

from billing.invoicing.models import Invoice, InvoiceLine
from billing.metering.models import DailyUsage, Service
from billing.periods import DAY_MICROSECONDS, Days
from billing.pricing.models import Plan, PlanVersion
from catacloud.accounts.models import Membership, Organisation, User

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse battery"
GB = 10**9


def make_organisation(name: str = "Acme") -> Organisation:
    return Organisation.objects.create(slug=slugify(name), name=name, created_at=LONG_AGO)


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
    """Make the ready-made services again: a transactional test has emptied all tables."""
    for fields in import_module("billing.migrations.0002_ready_made_services").SERVICES:
        Service.objects.get_or_create(slug=fields["slug"], defaults=fields)


def make_daily_usage(
    organisation: Organisation, day: date, *, stored_gb: int = 0, hours: Decimal | int = 0
) -> None:
    """Store more from the start of a day on, and compute for some hours on it."""
    rows = {"storage": (stored_gb * GB, stored_gb * GB * DAY_MICROSECONDS)}
    rows["execution-time"] = (int(hours * 3600), 0)
    DailyUsage.objects.bulk_create(
        DailyUsage(
            organisation=organisation,
            service=Service.objects.get(slug=slug),
            day=day,
            quantity=quantity,
            area=area,
            event_count=1,
        )
        for slug, (quantity, area) in rows.items()
        if quantity
    )


def make_plan_version(name: str = "Scale", *, number: int = 1) -> PlanVersion:
    plan, _ = Plan.objects.get_or_create(slug=slugify(name), name=name)
    return PlanVersion.objects.create(plan=plan, number=number)


def make_invoice(
    organisation: Organisation, days: Days, *, number: str = "2026-0001", hours: int = 100
) -> Invoice:
    """Make an invoice of one line: hours at 0.70 EUR."""
    amount = Decimal("0.70") * hours
    invoice = Invoice.objects.create(
        organisation=organisation,
        plan_version=make_plan_version(),
        number=number,
        starts_on=days.first,
        ends_on=days.end,
        currency="EUR",
        total=amount,
        issued_at=days.ends_at,
    )
    InvoiceLine.objects.create(
        invoice=invoice,
        position=1,
        service=Service.objects.get(slug="execution-time"),
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
