"""What organisations used, in the metrics that screens show, and the plans that they are on."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from billing.dashboards.grains import MONTH, places_of
from billing.dashboards.metrics import METRICS, Metric
from billing.exact import exactly
from billing.invoicing.models import Subscription
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying.months import on_top_of, read_months
from billing.metering.querying.usage import Levels, PeriodFigure, period_figures
from billing.periods import Days

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


class FiguresByMonth:
    """What some organisations used, month by month: whole ones that are over as they are kept, and
    each day of others once, for periods that are rated as for all days together.
    """

    def __init__(self, organisations: Sequence[UUID], now: datetime, months: Sequence[Days]):
        self.organisations, self.now = organisations, now
        self.kept = read_months(organisations, months, now=now)
        self.zones = zoning.of(organisations)
        self.services = dict(Service.objects.values_list("pk", "aggregation"))
        self.known: dict[Days, Sequence[PeriodFigure]] = {}

    def of(self, days: Days, levels: Levels) -> dict[Days, Sequence[PeriodFigure]]:
        """Return the figures of each month that has some of the days, as far as it has;
        ``levels`` are those before the first.
        """
        found = {}
        for part in places_of(days, MONTH):
            if part not in self.known:
                self.known[part] = list(self._read(part, levels))
            found[part] = self.known[part]
            levels = {(one[0], one[1]): one.level for one in found[part] if one.level}
        return found

    def _read(self, part: Days, levels: Levels) -> Iterator[PeriodFigure]:
        used = self.kept.get(part, {})
        yield from on_top_of(levels, part, used, services=self.services, zones=self.zones)
        if unread := [one for one in self.organisations if one not in used]:
            theirs = {key: level for key, level in levels.items() if key[0] not in used}
            yield from period_figures(days=part, now=self.now, organisations=unread, levels=theirs)


def used_by_organisation(
    months: Iterable[Sequence[PeriodFigure]], services: Mapping[str, Service]
) -> dict[UUID, Used]:
    """Return what organisations used, from the figures of months in their order.

    ``services`` are those behind the metrics: sums and levels, which add up over days.
    """
    sums = _added_up(months, {service.pk for service in services.values()})
    found: dict[UUID, dict[str, Decimal]] = {}
    for metric in METRICS.values():
        if service := services.get(metric.service):
            for owner, row in sums[service.pk].items():
                found.setdefault(owner, {})[metric.slug] = metric.of(row, service)
    return {owner: Used(values) for owner, values in found.items()}


def _added_up(
    months: Iterable[Sequence[PeriodFigure]], services: Collection[int]
) -> dict[int, dict[UUID, PeriodFigure]]:
    sums: dict[int, dict[UUID, PeriodFigure]] = {service: {} for service in services}
    with exactly():
        for row in (row for month in months for row in month if row.service_id in sums):
            of_service = sums[row.service_id]
            if before := of_service.get(row.organisation_id):
                row = row._replace(figure=row.figure + before.figure)
            of_service[row.organisation_id] = row
    return sums


def plan_names(*, organisations: Sequence[UUID], on: date) -> dict[UUID, str]:
    """Return the plan version that each organisation is on at a day."""
    subscriptions = (
        Subscription.objects.filter(organisation__in=organisations, starts_on__lte=on)
        .order_by("organisation_id", "-starts_on")
        .distinct("organisation_id")
        .select_related("plan_version__plan")
    )
    return {one.organisation_id: str(one.plan_version) for one in subscriptions}
