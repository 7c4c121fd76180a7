"""Close a period: rate it and make the invoice, once; with what has changed in earlier ones."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from sequences import get_next_value

from billing.exact import plain
from billing.invoicing.correcting import CorrectionLine, corrections, total
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.rate import RatedLine, RatedPeriod, rate_organisations
from billing.periods import Days
from billing.pricing.tiers import Step
from catacloud.accounts.models import Organisation


class CannotClose(Exception):
    """The period cannot be invoiced. The message says why."""


class PeriodNotOver(CannotClose):
    def __init__(self, days: Days, time_zone: str) -> None:
        super().__init__(
            f"The period from {days.first} is not over before {days.end} ({time_zone})."
        )


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
    """Return the invoice of days of the organisation's time zone, made where there is none yet.

    Raises PeriodNotOver, NotSubscribed, or PeriodOverlaps where a day was invoiced in another
    period; InvalidPrice where the plan's tiers are. Nothing is written then, no number is spent.
    """
    with transaction.atomic():
        # Closers of one organisation queue here, so the second one finds the invoice of the first.
        # Nor does its time zone change meanwhile.
        organisation = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        if days.ends_in(organisation.zone) > now:
            raise PeriodNotOver(days, organisation.time_zone)
        if invoice := _existing(organisation, days):
            return invoice
        rated = rate_organisations(days=days, now=now, organisations=[organisation.pk])
        if organisation.pk not in rated:
            raise NotSubscribed(organisation, days)
        period = rated[organisation.pk]
        corrected = corrections(organisation=organisation, now=now).get(period.currency, [])
        return _issue(organisation, days, now, period, corrected)


def organisations_to_close(*, days: Days, now: datetime) -> QuerySet[Organisation]:
    """Return whose period is over, who was on a plan at its end and has no invoice for it yet."""
    zones = Organisation.objects.order_by("time_zone").values_list("time_zone", flat=True)
    over = [name for name in zones.distinct() if days.ends_in(ZoneInfo(name)) <= now]
    subscribed = Subscription.objects.filter(organisation=OuterRef("pk"), starts_on__lt=days.end)
    invoiced = Invoice.objects.filter(organisation=OuterRef("pk"), starts_on=days.first)
    return Organisation.objects.filter(
        Exists(subscribed), ~Exists(invoiced), time_zone__in=over
    ).order_by("slug")


def _existing(organisation: Organisation, days: Days) -> Invoice | None:
    invoice = Invoice.objects.filter(
        organisation=organisation, starts_on__lt=days.end, ends_on__gt=days.first
    ).first()
    if invoice and (invoice.starts_on, invoice.ends_on) != (days.first, days.end):
        raise PeriodOverlaps(invoice)
    return invoice


def _issue(
    organisation: Organisation,
    days: Days,
    now: datetime,
    rated: RatedPeriod,
    corrected: Sequence[CorrectionLine],
) -> Invoice:
    invoice = Invoice.objects.create(
        organisation=organisation,
        plan_version_id=rated.plan_version_id,
        number=_next_number(now),
        starts_on=days.first,
        ends_on=days.end,
        currency=rated.currency,
        total=total([rated.total, *(line.amount for line in corrected)]),
        line_count=len(rated.lines) + len(corrected),
        issued_at=now,
        time_zone=organisation.time_zone,
    )
    lines = [_line(invoice, line) for line in rated.lines]
    lines += [_correction(invoice, line) for line in corrected]
    for position, line in enumerate(lines, 1):
        line.position = position
    InvoiceLine.objects.bulk_create(lines)
    return invoice


def _next_number(now: datetime) -> str:
    # Taken last: until the commit everyone else who issues an invoice waits for this row.
    year = now.astimezone(UTC).year
    return f"INV-{year}-{get_next_value(f'invoices-{year}'):05}"


def _line(invoice: Invoice, line: RatedLine) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        service_id=line.service_id,
        service_name=line.service_name,
        quantity=line.quantity,
        unit=line.unit,
        amount=line.amount,
        working=[_working(step) for step in line.working],
    )


def _correction(invoice: Invoice, line: CorrectionLine) -> InvoiceLine:
    correction = _line(invoice, line.now)
    correction.corrects = line.corrects
    correction.quantity, correction.amount = line.quantity, line.amount
    correction.before_quantity, correction.before_amount = line.before.quantity, line.before.amount
    return correction


def _working(step: Step) -> dict[str, str | None]:
    return {
        "kind": step.kind,
        "from": plain(step.start),
        "up_to": None if step.up_to is None else plain(step.up_to),
        "quantity": plain(step.quantity),
        "unit_price": plain(step.unit_price),
        "amount": plain(step.amount),
    }
