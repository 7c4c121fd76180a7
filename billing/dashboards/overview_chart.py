"""The overview's chart: who makes up each day, as stacked bars or as stacked lines. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from django.utils.translation import pgettext

from billing.dashboards.charts import Figure, Series, Values, daily_bars, summarise
from billing.dashboards.marks import DayLinks, with_day_links
from billing.dashboards.metrics import Metric
from billing.dashboards.panels import title_of
from billing.dashboards.ranges import Range
from billing.dashboards.tables import day_rows

BARS, LINES = "bars", "lines"


def shapes() -> dict[str, str]:
    return {BARS: pgettext("of a chart", "Bars"), LINES: pgettext("of a chart", "Lines")}


def read_shape(asked: Mapping[str, str]) -> str:
    """Return what ``?shape=`` asks for, else bars."""
    shape = asked.get("shape", "")
    return shape if shape in (BARS, LINES) else BARS


def context(
    *,
    series: Sequence[Series],
    totals: Values,
    asked: Range,
    metric: Metric,
    shape: str,
    today: date,
    links: DayLinks | None,
) -> dict[str, object]:
    before = {day: totals[day] for day in asked.before if day in totals}
    figure = daily_bars(asked=asked, series=series, before=before, unit=metric.unit, today=today)
    if links:
        figure = with_day_links(figure, links)
    return {
        "chart_title": title_of(metric),
        "series": series,
        "summary": summarise(totals, asked.whole or asked.days),
        "figure": as_lines(figure) if shape == LINES else figure,
        "day_links": links,
        "day_rows": partial(day_rows, series, totals, asked),  # of a table that is often folded
    }


def as_lines(figure: Figure) -> Figure:
    """Return a figure of stacked bars as one of stacked lines."""
    return {**figure, "data": [_line(trace) for trace in figure["data"]]}


def _line(trace: Figure) -> Figure:
    if trace["type"] != "bar":
        return trace
    kept = {key: value for key, value in trace.items() if key != "marker"}
    return {**kept, "type": "scatter", "mode": "lines", "stackgroup": "days"}
