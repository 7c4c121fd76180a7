"""What organisations used, in the metrics that screens show, and the plans that they are on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from billing.dashboards.metrics import METRICS, Metric
from billing.invoicing.models import Subscription
from billing.metering.models import Service
from billing.metering.querying.usage import PeriodFigure

ZERO = Decimal(0)


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


def used_by_organisation(
    rows: Iterable[PeriodFigure], services: Mapping[str, Service]
) -> dict[UUID, Used]:
    """Return what organisations used, from the figures of a span of days."""
    by_id = {service.pk: service for service in services.values()}
    figures: dict[UUID, dict[str, Decimal]] = {}
    for row in rows:
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
