"""What the overview shows: the platform's days, and organisations as they were ranked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext

from billing import together
from billing.dashboards import live
from billing.dashboards.charts import Series, sparkline
from billing.dashboards.costs import Cost
from billing.dashboards.headlines import Headline, headlines
from billing.dashboards.metrics import GB_HOURS, METRICS, STORED, Change, Earned, Metric
from billing.dashboards.ranges import Range
from billing.dashboards.ranking import OTHERS_HUE, stack
from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.metering.querying.usage import Known, daily_figures, daily_totals
from billing.periods import ONE_DAY, Days, Zones
from billing.prepared import Slot, prepared
from billing.rankings import revenue, upkeep
from billing.rankings.asking import ask
from billing.rankings.models import Ranking, RevenueMark
from billing.rankings.reading import Rows
from billing.rankings.spans import Span
from billing.templatetags.figures import service

COST = "cost"
Daily = dict[date, Decimal]
MOST_SERVICES = 6  # with a colour of their own


@dataclass(frozen=True, slots=True)
class RevenueHeadline:
    """One sum for each currency, the largest first; the change is of the only one."""

    costs: Sequence[Cost]
    change: Change | None
    unpriced: int
    points: str


@dataclass(slots=True)
class Platform:
    asked: Range
    now: datetime
    metric: Metric
    ranking: Ranking | None
    services: Mapping[int, Service]
    marks: Sequence[RevenueMark]
    stamp: str  # see live.py
    daily: dict[str, Daily] = field(default_factory=dict)
    revenue: Mapping[str, Daily] | None = None  # by the name of a service
    of_organisations: Mapping[UUID, Daily] = field(default_factory=dict)  # see read_days

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def metrics(self) -> list[Metric]:
        return [*METRICS.values(), _revenue_in(self.ranking)]

    @property
    def figure(self) -> str:
        """The field of a ranking that the metric is in."""
        return self.metric.slug.replace("-", "_")

    @property
    def is_cost(self) -> bool:
        return self.metric.slug == COST

    def headlines(self) -> list[Headline]:
        return headlines(self._days(), self.asked, today=self.today)

    def revenue_headline(self) -> RevenueHeadline:
        costs = self.ranking.costs if self.ranking else []
        found = [Cost(Decimal(one["cost"]), one["currency"]) for one in costs]
        change = None
        if len(costs) == 1 and self.asked.is_compared:
            change = Earned(Decimal(costs[0]["compared"]), Decimal(costs[0]["before"]))
        each = self._revenue().values()
        days = [day for day in self.asked.days if any(day in values for values in each)]
        whole = self.asked.whole or self.asked.days
        points = sparkline(_added(each), whole) if len(days) > 1 else ""
        return RevenueHeadline(found, change, self.ranking.unpriced if self.ranking else 0, points)

    def totals(self) -> Daily:
        if self.is_cost:
            return _added(self._revenue().values())
        return self._days()[self.metric.slug]

    def series(self, largest: Rows) -> list[Series]:
        """Return who makes up the totals: the largest organisations, or services of revenue."""
        if self.is_cost:
            return _by_service(self._revenue(), self.asked)
        daily = self.of_organisations
        named = [(row.name, daily.get(row.organisation_id, {})) for row in largest]
        return stack(named, self.totals(), self.asked.days)

    def read_days(self, rows: Rows) -> None:
        """Read the metric's value per day of organisations; revenue has none by organisation."""
        metric, service = self.metric, self._metered().get(self.metric.service)
        if service is None or not rows:
            return
        owners = {row.organisation_id: row for row in rows}
        zones = {pk: one.zone for pk, one in owners.items() if one.time_zone != "UTC"}
        level = {row.organisation_id: row.opening for row in rows}
        figures = daily_figures(
            service=service,
            days=self.asked.days,
            now=self.now,
            organisations=list(owners),
            known=Known(Zones(zones), level if metric.service == STORED.service else {}),
        )
        self.of_organisations = {
            owner: {day.day: metric.of(day, service) for day in its}
            for owner, its in groupby(figures, key=attrgetter("organisation_id"))
        }

    def _metered(self) -> dict[str, Service]:
        """Return the services behind the metrics, by slug."""
        slugs = {metric.service for metric in METRICS.values()}
        return {one.slug: one for one in self.services.values() if one.slug in slugs}

    def _days(self) -> dict[str, Daily]:
        """Return each metric's value per day, all organisations together."""
        if not self.daily:
            services = self._metered()
            rows = {
                slug: daily_totals(
                    service=service,
                    days=self.asked.read,
                    now=self.now,
                    opening=self._opening(service),
                )
                for slug, service in services.items()
            }
            self.daily = {
                metric.slug: {
                    row.day: metric.of(row, services[metric.service])
                    for row in rows.get(metric.service, [])
                }
                for metric in METRICS.values()
            }
        return self.daily

    def _opening(self, service: Service) -> Decimal | None:
        """Return the level before the days, which a counter has none of, where it is known."""
        if not service.is_level:
            return ZERO
        return self.ranking.opening if self.ranking else None

    def _revenue(self) -> Mapping[str, Daily]:
        if self.revenue is None:
            found = revenue.by_service(self.marks, self.asked.read, self.metrics[-1].unit)
            names = {pk: service(one.name) for pk, one in self.services.items()}
            self.revenue = {names[pk]: days for pk, days in found.items() if pk in names}
        return self.revenue


def read(asked: Range, *, metric: str, is_compared: bool, now: datetime) -> Platform:
    """Return what to show; an unknown metric is GB-hours.

    A ranking knows changes, too, so that there is one for a page with them and one without.
    """
    span = Span.of(asked)
    newest, (services, marks, stamp) = together.read(
        together.together(upkeep.reading_newest(span), _known(asked.read))
    )
    ranking = ask(span, newest, now=now, stamp=stamp)
    money = _revenue_in(ranking)
    shown = money if metric == COST else METRICS.get(metric, GB_HOURS)
    own = {one.pk: one for one in services}
    days = asked if is_compared else asked.alone()
    return Platform(days, now, shown, ranking, own, marks, stamp)


def _known(days: Days) -> together.Reading[tuple[list[Service], list[RevenueMark], str]]:
    services, marks, [(stamp,)] = yield [
        _services(),
        _marks(first=days.first - ONE_DAY, end=days.end),
        live.stamp_of_platform(days),
    ]
    return services, marks, stamp


@prepared
def _services() -> QuerySet[Service]:
    return Service.objects.all()


@prepared
def _marks(first: Slot, end: Slot) -> QuerySet[RevenueMark]:
    return RevenueMark.objects.filter(day__gte=first, day__lt=end)


def _revenue_in(ranking: Ranking | None) -> Metric:
    """Return revenue as a metric, in the currency of most of it: currencies do not add up."""
    currency = ranking.costs[0]["currency"] if ranking and ranking.costs else "EUR"
    return Metric(COST, gettext("Revenue"), service="", unit=currency, is_level=False)


def _by_service(each: Mapping[str, Daily], asked: Range) -> list[Series]:
    days = set(asked.days)
    own = {name: {day: v for day, v in one.items() if day in days} for name, one in each.items()}
    sums = {name: sum(values.values(), ZERO) for name, values in own.items()}
    order = sorted((name for name in own if sums[name]), key=lambda name: (-sums[name], name))
    series = [Series(name, own[name], hue) for hue, name in enumerate(order[:MOST_SERVICES])]
    if rest := [own[name] for name in order[MOST_SERVICES:]]:
        series.append(Series(gettext("All other services"), _added(rest), OTHERS_HUE))
    return series


def _added(each: Iterable[Daily]) -> Daily:
    sums: Daily = {}
    with exactly():
        for values in each:
            for day, value in values.items():
                sums[day] = sums.get(day, ZERO) + value
    return sums
