"""Close a period: rate it and make the invoice, once."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from sequences import get_next_value

from billing.exact import plain
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.rate import RatedLine, RatedPeriod, rate_organisations
from billing.periods import Days
from billing.pricing.rating import TierUse
from catacloud.accounts.models import Organisation


class CannotClose(Exception):
    """The period cannot be invoiced. The message says why."""


class PeriodNotOver(CannotClose):
    def __init__(self, days: Days) -> None:
        super().__init__(f"The period from {days.first} is not over before {days.end}.")


class NotSubscribed(CannotClose):
    def __init__(self, organisation: Organisation, days: Days) -> None:
        super().__init__(f"{organisation} was on no plan on {days.last}.")


class PeriodOverlaps(CannotClose):
    def __init__(self, invoice: Invoice) -> None:
        super().__init__(
            f"Invoice {invoice} has some of these days: it is for {invoice.starts_on} "
            f"up to, not including, {invoice.ends_on}."
        )


def close_period(*, organisation: Organisation, days: Days, now: datetime) -> Invoice:
    """Return the period's invoice, which is made where there is none yet.

    Raises PeriodNotOver, NotSubscribed, or PeriodOverlaps where a day was invoiced in another
    period; InvalidTiers where the plan's tiers are. Nothing is written then, no number is spent.
    """
    if days.ends_at > now:
        raise PeriodNotOver(days)
    with transaction.atomic():
        # Closers of one organisation queue here, so the second one finds the invoice of the first.
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        if invoice := _existing(organisation, days):
            return invoice
        rated = rate_organisations(days=days, now=now, organisations=[organisation.pk])
        if organisation.pk not in rated:
            raise NotSubscribed(organisation, days)
        return _issue(organisation, days, now, rated[organisation.pk])


def organisations_to_close(*, days: Days) -> QuerySet[Organisation]:
    """Return who was on a plan at the period's end and has no invoice for it yet."""
    subscribed = Subscription.objects.filter(organisation=OuterRef("pk"), starts_on__lt=days.end)
    invoiced = Invoice.objects.filter(organisation=OuterRef("pk"), starts_on=days.first)
    return Organisation.objects.filter(Exists(subscribed), ~Exists(invoiced)).order_by("slug")


def _existing(organisation: Organisation, days: Days) -> Invoice | None:
    invoice = Invoice.objects.filter(
        organisation=organisation, starts_on__lt=days.end, ends_on__gt=days.first
    ).first()
    if invoice and (invoice.starts_on, invoice.ends_on) != (days.first, days.end):
        raise PeriodOverlaps(invoice)
    return invoice


def _issue(organisation: Organisation, days: Days, now: datetime, rated: RatedPeriod) -> Invoice:
    invoice = Invoice.objects.create(
        organisation=organisation,
        plan_version_id=rated.plan_version_id,
        number=_next_number(now),
        starts_on=days.first,
        ends_on=days.end,
        currency=rated.currency,
        total=rated.total,
        line_count=len(rated.lines),
        issued_at=now,
    )
    InvoiceLine.objects.bulk_create(
        _line(invoice, position, line) for position, line in enumerate(rated.lines, 1)
    )
    return invoice


def _next_number(now: datetime) -> str:
    # Taken last: until the commit everyone else who issues an invoice waits for this row.
    year = now.astimezone(UTC).year
    return f"INV-{year}-{get_next_value(f'invoices-{year}'):05}"


def _line(invoice: Invoice, position: int, line: RatedLine) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        position=position,
        service_id=line.service_id,
        service_name=line.service_name,
        quantity=line.quantity,
        unit=line.unit,
        amount=line.amount,
        working=[_working(use) for use in line.working],
    )


def _working(use: TierUse) -> dict[str, str | None]:
    return {
        "from": plain(use.start),
        "up_to": None if use.up_to is None else plain(use.up_to),
        "quantity": plain(use.quantity),
        "unit_price": plain(use.unit_price),
        "amount": plain(use.amount),
    }
