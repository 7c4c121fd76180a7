"""Reads of the screens, on top of the daily tables: a fixed number of queries for any data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef

from billing.dashboards.metrics import METRICS, Metric
from billing.invoicing.credit import Settled, settle
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.rate import RatedLine, RatedPeriod
from billing.metering.models import DailyUsage, Service
from billing.metering.usage import DayFigure, daily_figures, period_figures
from billing.periods import Days
from catacloud.accounts.models import Organisation

ZERO = Decimal(0)
Daily = dict[date, Decimal]
MOST_PANELS = 12  # of services that an operator defined, on one page


@dataclass(frozen=True, slots=True)
class Used:
    """What one organisation used over a span of days, by metric slug."""

    figures: Mapping[str, Decimal] = field(default_factory=dict)

    def of(self, metric: Metric) -> Decimal:
        return self.figures.get(metric.slug, ZERO)


def metered_services() -> dict[str, Service]:
    """Return the services behind the metrics, by slug."""
    slugs = {metric.service for metric in METRICS.values()}
    return {service.slug: service for service in Service.objects.filter(slug__in=slugs)}


def organisation_days(
    *,
    organisation: Organisation,
    services: Mapping[str, Service],
    days: Days,
    now: datetime,
    metrics: Collection[Metric] = tuple(METRICS.values()),
) -> dict[str, Daily]:
    """Return each metric's value per day of one organisation."""
    rows = {
        slug: daily_figures(service=service, days=days, now=now, organisations=[organisation.pk])
        for slug, service in services.items()
    }
    return _by_metric(rows, services, metrics)


def other_services(*, organisation: Organisation, days: Days) -> dict[str, Service]:
    """Return services beside the metrics' that the organisation used on some days, by slug."""
    used = DailyUsage.objects.filter(
        organisation=organisation, service=OuterRef("pk"), day__gte=days.first, day__lt=days.end
    )
    ready_made = {metric.service for metric in METRICS.values()}
    found = Service.objects.filter(Exists(used)).exclude(slug__in=ready_made).order_by("name", "pk")
    return {service.slug: service for service in found[:MOST_PANELS]}


def used_by_organisation(
    *,
    services: Mapping[str, Service],
    days: Days,
    now: datetime,
    organisations: Sequence[UUID],
) -> dict[UUID, Used]:
    """Return what organisations used over ``days``."""
    by_id = {service.pk: service for service in services.values()}
    figures: dict[UUID, dict[str, Decimal]] = {}
    for row in period_figures(days=days, now=now, organisations=organisations):
        service = by_id.get(row.service_id)
        for metric in METRICS.values():
            if service is not None and metric.service == service.slug:
                values = figures.setdefault(row.organisation_id, {})
                values[metric.slug] = metric.of(row, service)
    return {organisation: Used(values) for organisation, values in figures.items()}


def plan_names(*, organisations: Sequence[UUID], on: date) -> dict[UUID, str]:
    """Return the plan version that each organisation is on at a day."""
    subscriptions = (
        Subscription.objects.filter(organisation__in=organisations, starts_on__lte=on)
        .order_by("organisation_id", "-starts_on")
        .distinct("organisation_id")
        .select_related("plan_version__plan")
    )
    return {one.organisation_id: str(one.plan_version) for one in subscriptions}


def invoices_of(organisation: Organisation) -> list[Invoice]:
    """Return the organisation's invoices, the newest first."""
    return list(Invoice.objects.filter(organisation=organisation).order_by("-starts_on", "-number"))


def lines_of(invoice: Invoice) -> list[InvoiceLine]:
    lines = invoice.lines.select_related("service", "corrects").order_by("position")
    return list(lines)


def settled(invoice: Invoice) -> Settled:
    """Return what is to be paid of an invoice, after the credit of those before it."""
    totals = Invoice.objects.filter(
        organisation=invoice.organisation_id,
        currency=invoice.currency,
        issued_at__lte=invoice.issued_at,
        pk__lte=invoice.pk,
    ).order_by("issued_at", "pk")
    *_, last = settle(totals.values_list("total", flat=True))
    return last


@dataclass(frozen=True, slots=True)
class BillLine:
    service: Service
    line: RatedLine


def rated_lines(bill: RatedPeriod | None) -> list[BillLine]:
    """Return the lines of a bill to come, each with its service."""
    if bill is None:
        return []
    services = Service.objects.in_bulk([line.service_id for line in bill.lines])
    return [BillLine(services[line.service_id], line) for line in bill.lines]


def _by_metric(
    rows: Mapping[str, Sequence[DayFigure]],
    services: Mapping[str, Service],
    metrics: Collection[Metric] = tuple(METRICS.values()),
) -> dict[str, Daily]:
    return {
        metric.slug: {
            row.day: metric.of(row, services[metric.service])
            for row in rows.get(metric.service, [])
        }
        for metric in metrics
    }
