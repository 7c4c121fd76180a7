"""What makes up the overview's days: organisations or services, the largest and the rest. Pure.

Services add up where they are measured in the same unit, and where their days are sums at all. So
quantities by service are as many charts as there are units; what has one of its own is alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext

from billing.dashboards.charts.ahead import Ahead, Read, ahead_of
from billing.dashboards.charts.drawing import Series, Values
from billing.dashboards.metrics import Metric
from billing.dashboards.overview.movers import OTHERS_HUE
from billing.dashboards.ranges import Range
from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.periods import Days
from billing.templatetags.figures import service as called

Daily = dict[date, Decimal]
MOST_SERVICES = 6  # with a colour of their own


@dataclass(frozen=True, slots=True)
class Stack:
    """A chart's days, all together and by what they are made of.

    ``drifts`` says that a level is behind them, and ``may_be_forecast`` that days add up
    and are known.
    """

    metric: Metric
    series: Sequence[Series]
    totals: Values
    drifts: bool = False
    may_be_forecast: bool = True


def of_units(
    each: Sequence[tuple[Metric, Service, Values]], first: Metric, days: Days
) -> list[Stack]:
    """Return a stack for each unit of which anything was used, that of a metric first."""
    alike: dict[tuple[str, bool], list[tuple[Metric, Service, Values]]] = {}
    for metric, service, values in each:
        if metric == first or any(values.get(day) for day in days):
            alike.setdefault(_adds_up_with(metric, service), []).append((metric, service, values))
    stacks = [_of_unit(some, days) for some in alike.values()]
    return sorted(stacks, key=lambda one: (one.metric.unit, one.metric.is_level) != _unit(first))


def by_service(each: Mapping[str, Values], days: Days) -> list[Series]:
    """Return a series for each of the services with the most, and one for all others."""
    own = {name: {day: one[day] for day in days if day in one} for name, one in each.items()}
    sums = {name: sum(values.values(), ZERO) for name, values in own.items()}
    order = sorted((name for name in own if sums[name]), key=lambda name: (-sums[name], name))
    series = [Series(name, own[name], hue) for hue, name in enumerate(order[:MOST_SERVICES])]
    if rest := [own[name] for name in order[MOST_SERVICES:]]:
        series.append(Series(gettext("All other services"), added(rest), OTHERS_HUE))
    return series


def added(each: Iterable[Values]) -> Daily:
    sums: Daily = {}
    with exactly():
        for values in each:
            for day, value in values.items():
                sums[day] = sums.get(day, ZERO) + value
    return sums


def to_come_of(stack: Stack, asked: Range, today: date) -> Ahead | None:
    may = stack.may_be_forecast
    read = Read(stack.metric, stack.totals, drifts=stack.drifts, may_be_forecast=may)
    return ahead_of(read, asked, today)


def _unit(metric: Metric) -> tuple[str, bool]:
    return metric.unit, metric.is_level


def _adds_up_with(metric: Metric, service: Service) -> tuple[str, bool]:
    """Return the same for all that add up; what adds up with nothing else has its own name."""
    adds_up = service.is_additive and metric.unit
    return _unit(metric) if adds_up else (f"{service.slug}:", metric.is_level)


def _of_unit(some: Sequence[tuple[Metric, Service, Values]], days: Days) -> Stack:
    if len(some) == 1:
        [(metric, service, values)] = some
        own = {day: values[day] for day in days if day in values}
        one = [Series(called(metric.name), own)]
        return Stack(metric, one, values, service.is_level, service.is_additive)
    unit = some[0][0].unit
    metric = Metric(
        some[0][0].slug, gettext("Usage in {unit}").format(unit=unit), "", unit, is_level=False
    )
    named = {called(one.name): values for one, _, values in some}
    drifts = all(service.is_level for _, service, _ in some)
    return Stack(metric, by_service(named, days), added(named.values()), drifts)
