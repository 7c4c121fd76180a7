"""The overview's charts: what makes up each day, as stacked bars or as stacked lines. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext, pgettext

from billing.dashboards.charts.ahead import expected_rows
from billing.dashboards.charts.drawing import Figure, Series, Summary, Values, daily_bars, summarise
from billing.dashboards.charts.forecast import Expected
from billing.dashboards.charts.marks import Links, with_place_links
from billing.dashboards.charts.titles import title_of
from billing.dashboards.charts.to_come import ToCome
from billing.dashboards.grains import folded
from billing.dashboards.metrics import Metric
from billing.dashboards.overview.stacks import Stack, to_come_of
from billing.dashboards.overview.tables import PlaceRow, place_rows
from billing.dashboards.ranges import Range

COST = "cost"
BARS, LINES = "bars", "lines"
SERVICE, ORGANISATION = "service", "organisation"
_OF_REVENUE, _OF_QUANTITIES = (SERVICE, ORGANISATION), (ORGANISATION, SERVICE)


def shapes() -> dict[str, str]:
    return {BARS: pgettext("of a chart", "Bars"), LINES: pgettext("of a chart", "Lines")}


def groupings(metric: Metric) -> dict[str, str]:
    """Return what a metric's days can be stacked by, the first one unless another is asked for."""
    names = {SERVICE: gettext("By service"), ORGANISATION: gettext("By organisation")}
    return {by: names[by] for by in (_OF_REVENUE if metric.slug == COST else _OF_QUANTITIES)}


def read_by(by: str, metric: Metric) -> str:
    """Return ``?by=`` where the metric's days can be stacked by it, else what they are by."""
    possible = groupings(metric)
    return by if by in possible else next(iter(possible))


def read_shape(asked: Mapping[str, str]) -> str:
    """Return what ``?shape=`` asks for, else bars."""
    shape = asked.get("shape", "")
    return shape if shape in (BARS, LINES) else BARS


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title, its sentence and its table."""

    id: str
    metric: Metric
    title: str
    series: Sequence[Series]
    summary: Summary | None
    figure: Figure
    links: Links | None
    totals: Values
    asked: Range
    to_come: ToCome
    expected: Expected | None  # at the period's end, or up to it

    @property
    def rows(self) -> list[PlaceRow]:
        """Return the rows of its table: of most charts nobody sees it, so they are made then."""
        return place_rows(self.series, self.totals, self.asked, self.metric.fold)

    @property
    def expected_rows(self) -> list[tuple[str, Expected]]:
        return expected_rows(self.to_come, self.asked)


def charts(
    stacks: Sequence[Stack], asked: Range, *, shape: str, today: date, links: Links | None
) -> list[Chart]:
    """Return a chart of each stack."""
    return [
        _chart(stack, asked, shape, today, links, id=f"of-{stack.metric.slug}" if n else "days")
        for n, stack in enumerate(stacks)
    ]


def _chart(
    stack: Stack, asked: Range, shape: str, today: date, links: Links | None, *, id: str
) -> Chart:
    fold = stack.metric.fold
    series = [replace(one, values=folded(one.values, asked.places, fold)) for one in stack.series]
    ahead = to_come_of(stack, asked, today)
    to_come = ahead.places if ahead else {}
    figure = daily_bars(
        asked=asked,
        series=series,
        before=folded(stack.totals, asked.before_places, fold),
        unit=stack.metric.unit,
        today=today,
        to_come=to_come,
    )
    if links:
        figure = with_place_links(figure, links, asked)
    return Chart(
        id=id,
        metric=stack.metric,
        title=title_of(stack.metric, asked.grain),
        series=series,
        summary=summarise(stack.totals, asked.whole or asked.days),
        figure=as_lines(figure) if shape == LINES else figure,
        links=links,
        totals=stack.totals,
        asked=asked,
        to_come=to_come,
        expected=ahead.at_the_end if ahead else None,
    )


def as_lines(figure: Figure) -> Figure:
    """Return a figure of stacked bars as one of stacked lines."""
    return {**figure, "data": [_line(trace) for trace in figure["data"]]}


def _line(trace: Figure) -> Figure:
    if trace["type"] != "bar":
        return trace
    kept = {key: value for key, value in trace.items() if key != "marker"}
    return {**kept, "type": "scatter", "mode": "lines", "stackgroup": "days"}
