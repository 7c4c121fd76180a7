"""What the overview shows: the platform's days, and organisations as they were ranked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext

from billing import together
from billing.dashboards.charts.drawing import sparkline
from billing.dashboards.charts.forecast import Expected
from billing.dashboards.costs.amounts import Cost
from billing.dashboards.grains import MONTH
from billing.dashboards.headlines import Headline, headlines
from billing.dashboards.metrics import (
    EXECUTION,
    GB_HOURS,
    METRICS,
    STORED,
    Change,
    Earned,
    Metric,
    metric_of,
)
from billing.dashboards.overview.chart import COST, SERVICE, read_by
from billing.dashboards.overview.months import months_of
from billing.dashboards.overview.movers import stack
from billing.dashboards.overview.stacks import Stack, added, by_service, of_units, to_come_of
from billing.dashboards.ranges import Range
from billing.metering.models import Service
from billing.metering.querying.daily import DayFigure
from billing.metering.querying.totals import Stamps, daily_totals, reading_stamps
from billing.metering.querying.usage import Known, daily_figures
from billing.periods import ONE_DAY, Days, Zones
from billing.prepared import prepared
from billing.rankings import upkeep
from billing.rankings.asking import ask
from billing.rankings.models import Ranking
from billing.rankings.reading import Rows
from billing.rankings.spans import Span
from billing.revenue import reading as revenue
from billing.revenue.reading import Daily, Revenue
from billing.templatetags.figures import service


@dataclass(frozen=True, slots=True)
class RevenueHeadline:
    """One sum for each currency, the largest first; of the only one its change, and a forecast."""

    metric: Metric
    costs: Sequence[Cost]
    change: Change | None
    unpriced: int
    points: str
    expected: Expected | None


@dataclass(slots=True)
class Platform:
    asked: Range
    now: datetime
    metric: Metric
    by: str
    ranking: Ranking | None
    services: Mapping[int, Service]
    earned: Revenue
    stamps: Stamps  # of the days' months
    is_coming: bool  # a newer ranking: who asks again soon has it
    totals: Mapping[int, Sequence[DayFigure]] | None = None  # by the service's primary key
    revenue: Mapping[str, Daily] | None = None  # by the name of a service
    values: dict[tuple[str, int], Daily] = field(default_factory=dict)  # by metric and service
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
        own = added(each)
        is_known = len(costs) == 1 and self._is_earned_known()
        stack = Stack(self.metrics[-1], [], own, may_be_forecast=is_known)
        ahead = to_come_of(stack, self.asked, self.today)
        return RevenueHeadline(
            metric=stack.metric,
            costs=found,
            change=change,
            unpriced=self.ranking.unpriced if self.ranking else 0,
            points=sparkline(own, whole) if len(days) > 1 else "",
            expected=ahead.at_the_end if ahead else None,
        )

    def stacks(self, largest: Rows) -> list[Stack]:
        """Return what makes up the days: the largest organisations, or services; of quantities as
        many stacks as there are units, for only what has the same one adds up.
        """
        if self.by == SERVICE and not self.is_cost:
            return of_units(list(self._services()), self.metric, self.asked.days)
        daily, totals = self.of_organisations, self._totals()
        if self.by == SERVICE:
            series = by_service(self._revenue(), self.asked.days)
        else:
            named = [(row.name, daily.get(row.organisation_id, {})) for row in largest]
            series = stack(named, totals, self.asked.days)
        drifts = self.metric.service == STORED.service
        is_known = not self.is_cost or self._is_earned_known()
        return [Stack(self.metric, series, totals, drifts, may_be_forecast=is_known)]

    def _is_earned_known(self) -> bool:
        """Say whether revenue is known of all days that are shown and over."""
        yesterday = Days(self.today - ONE_DAY, self.today)
        return not self.earned.lacks(self.asked.days) and bool(self.earned.known(yesterday))

    def _totals(self) -> Daily:
        return added(self._revenue().values()) if self.is_cost else self._days()[self.metric.slug]

    def read_days(self, rows: Rows) -> None:
        """Read the metric's value per day of organisations, or per month where that is all that is
        shown: then by its first day.
        """
        if self.is_cost:
            currencies = {row.organisation_id: row.currency for row in rows}
            self.of_organisations = revenue.read_days(currencies, self.earned, self.asked.days)
            return
        metric, metered = self.metric, self._metered().get(self.metric.service)
        if metered is None or not rows:
            return
        owners = {row.organisation_id: row for row in rows}
        zones = {pk: one.zone for pk, one in owners.items() if one.time_zone != "UTC"}
        has_level = metric.service == STORED.service
        level = {row.organisation_id: row.opening for row in rows} if has_level else {}
        known = Known(Zones(zones), level)
        if self.asked.grain == MONTH and not metric.is_level:
            months = months_of(list(owners), metered, known, self.asked.places, now=self.now)
            if months is not None:
                self.of_organisations = {
                    owner: metric.of_each(its, metered) for owner, its in months.items()
                }
                return
        figures = daily_figures(
            service=metered,
            days=self.asked.days,
            now=self.now,
            organisations=list(owners),
            known=known,
        )
        self.of_organisations = {
            owner: metric.of_each({day.day: day for day in its}, metered)
            for owner, its in groupby(figures, key=attrgetter("organisation_id"))
        }

    def _metered(self) -> dict[str, Service]:
        """Return the services behind the metrics, by slug."""
        slugs = {metric.service for metric in METRICS.values()}
        return {one.slug: one for one in self.services.values() if one.slug in slugs}

    def _days(self) -> dict[str, Daily]:
        """Return each metric's value per day, all organisations together."""
        own = self._metered()
        return {
            metric.slug: self._values(metric, own[metric.service]) if metric.service in own else {}
            for metric in METRICS.values()
        }

    def _services(self) -> Iterator[tuple[Metric, Service, Daily]]:
        """Return each service's value per day, in the metric that is shown, or in its own."""
        ready = {one.service: one for one in (EXECUTION, GB_HOURS, self.metric)}
        for one in self.services.values():
            metric = ready.get(one.slug) or metric_of(one)
            yield metric, one, self._values(metric, one)

    def _values(self, metric: Metric, own: Service) -> Daily:
        key = metric.slug, own.pk
        if key not in self.values:
            rows = self._read_totals().get(own.pk, [])
            self.values[key] = metric.of_each({row.day: row for row in rows}, own)
        return self.values[key]

    def _read_totals(self) -> Mapping[int, Sequence[DayFigure]]:
        """Read the days of all services that are shown, once."""
        if self.totals is None:
            own = self._metered()
            is_all = self.by == SERVICE and not self.is_cost
            opening = (
                {own[STORED.service].pk: self.ranking.opening}
                if self.ranking and STORED.service in own
                else {}
            )
            self.totals = daily_totals(
                services=list((self.services if is_all else own).values()),
                days=self.asked.read,
                now=self.now,
                openings=opening,
                stamps=self.stamps,
            )
        return self.totals

    def _revenue(self) -> Mapping[str, Daily]:
        if self.revenue is None:
            found = self.earned.by_service(self.asked.read, self.metrics[-1].unit)
            names = {pk: service(one.name) for pk, one in self.services.items()}
            self.revenue = {names[pk]: days for pk, days in found.items() if pk in names}
        return self.revenue


def read(asked: Range, *, metric: str, by: str, is_compared: bool, now: datetime) -> Platform:
    """Return what to show; an unknown metric is GB-hours, and revenue is by service unless asked.

    A ranking knows changes, too, so that there is one for a page with them and one without.
    """
    span = Span.of(asked)
    newest, services, stamps, earned = together.read(
        together.together(
            upkeep.reading_newest(span),
            _reading_services(),
            reading_stamps(asked.read),
            revenue.reading(asked.read),
        )
    )
    found = ask(span, newest, now=now, stamp=repr(stamps))
    money = _revenue_in(found.ranking)
    shown = money if metric == COST else METRICS.get(metric, GB_HOURS)
    own = {one.pk: one for one in services}
    days = asked if is_compared else asked.alone()
    return Platform(
        asked=days,
        now=now,
        metric=shown,
        by=read_by(by, shown),
        ranking=found.ranking,
        services=own,
        earned=earned,
        stamps=stamps,
        is_coming=found.is_coming,
    )


def _reading_services() -> together.Reading[list[Service]]:
    [services] = yield [_services()]
    return services


@prepared
def _services() -> QuerySet[Service]:
    return Service.objects.all()


def _revenue_in(ranking: Ranking | None) -> Metric:
    """Return revenue as a metric, in the currency of most of it: currencies do not add up."""
    currency = (ranking and ranking.currency) or "EUR"
    return Metric(COST, gettext("Revenue"), service="", unit=currency, is_level=False)
