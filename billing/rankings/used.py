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
from billing.metering.querying.months import (
    FEW,
    Text,
    folded_together,
    on_top_of,
    read_all,
    read_months,
    used_of,
)
from billing.metering.querying.usage import (
    Levels,
    PeriodFigure,
    levels_before,
    period_figures,
)
from billing.periods import Days, day_of, month_of
from billing.rankings.spans import Span
from catacloud.accounts.models import Organisation

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


OfAll = Mapping[Days, Mapping[UUID, Text]]
"""What all organisations used on days, where it was read together."""


def read_together(span: Span, now: datetime) -> OfAll:
    """Read days of months that are not kept, and those months: nothing of a small platform."""
    if Organisation.objects.count() <= FEW:
        return {}
    today = day_of(now)
    parts = {part for part in span.parts if part != month_of(part.first) or part.end >= today}
    # A month that goes on is rated so far, also where not all days of it so far are asked for.
    divided = {part for part in parts if part.first.day > 1 or part.end < today}
    running = {month_of(part.first) for part in divided if month_of(part.first).end >= today}
    return {days: read_all(days, now=now) for days in parts | running}


class FiguresByMonth:
    """What some organisations used, month by month: whole ones that are over as they are kept, and
    each day of others once.

    ``known`` are the figures of all days that were asked for, by month as far as it has some of
    them; and of months that are over as a whole, too, for their periods are rated so. ``levels``
    are those before the span, and before what it is compared with.
    """

    def __init__(
        self, organisations: Sequence[UUID], span: Span, now: datetime, read: OfAll
    ) -> None:
        self.organisations, self.now, self.read = organisations, now, read
        self.zones = zoning.of(organisations)
        self.services = dict(Service.objects.values_list("pk", "aggregation"))
        self.kept = read_months(organisations, span.months, now=now)
        self.known: dict[Days, Sequence[PeriodFigure]] = {}
        self.levels: dict[date, Levels] = {}
        for of in (lambda day: day, lambda day: month_of(day).first):
            each = of(span.before), of(span.first)
            before = levels_before(earlier=each[0], later=each[1], organisations=organisations)
            self.levels |= zip(each, before, strict=True)

    def of(self, days: Days) -> list[Sequence[PeriodFigure]]:
        """Return the figures of each month that has some of the days, as far as it has; they begin
        as the span does, or what it is compared with.
        """
        found = []
        levels, at_its_start = self.levels[days.first], self.levels[month_of(days.first).first]
        for part in places_of(days, MONTH):
            if self.kept.get(month := month_of(part.first)) or month in self.read:
                self._read(month, at_its_start)
            found.append(self._read(part, levels))
            levels = {(one[0], one[1]): one.level for one in found[-1] if one.level}
            at_its_start = levels
        return found

    def known_of(self, days: Days) -> Sequence[PeriodFigure] | None:
        """Return what was used on days that are known, or parts of whose months are."""
        parts = places_of(days, MONTH)
        if days not in self.known and len(parts) > 1 and all(one in self.known for one in parts):
            each = [self.known[one] for one in parts]
            if (together := folded_together(each, services=self.services)) is not None:
                self.known[days] = together
        return self.known.get(days)

    def _read(self, part: Days, levels: Levels) -> Sequence[PeriodFigure]:
        if part not in self.known:
            self.known[part] = list(self._reading(part, levels))
        return self.known[part]

    def _reading(self, part: Days, levels: Levels) -> Iterator[PeriodFigure]:
        read, kept = self.read.get(part, {}), self.kept.get(part, {})
        used = {one: used_of(read[one]) for one in self.organisations if one in read} | {**kept}
        yield from on_top_of(
            levels, part, used, now=self.now, services=self.services, zones=self.zones
        )
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
