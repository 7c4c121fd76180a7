"""The chart of a day's hours. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.dashboards.charts import ticks
from billing.dashboards.charts.axis import stacked, value_axis
from billing.dashboards.charts.drawing import Figure, hover, named_layout, sums
from billing.dashboards.metrics import EXECUTION, Metric
from billing.dashboards.usage.panels import (
    EXECUTION_HUE,
    MOST_VALUES,
    OTHERS_HUE,
    STORAGE_HUE,
    all_others,
    largest_values,
    left_over,
)
from billing.templatetags.figures import scale_for

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class HourSeries:
    """One colour of the chart: values by when their hour starts."""

    name: str
    values: Mapping[datetime, Decimal]
    hue: int


def hour_series(
    metric: Metric,
    values: Mapping[datetime, Decimal],
    groups: Mapping[str, Mapping[datetime, Decimal]],
) -> list[HourSeries]:
    """Return one series, or one for each of the largest values and one for all that is left."""
    if not groups:
        hue = EXECUTION_HUE if metric == EXECUTION else STORAGE_HUE
        return [HourSeries(metric.name, values, hue)]
    named = largest_values(groups, list(values))[:MOST_VALUES]
    series = [HourSeries(value, groups[value], hue) for hue, value in enumerate(named)]
    if rest := left_over(values, [one.values for one in series]):
        series.append(HourSeries(all_others(), rest, OTHERS_HUE))
    return series


def hour_figure(
    metric: Metric, series: Sequence[HourSeries], names: Mapping[datetime, str]
) -> Figure:
    """Return stacked bars of hours, in the order of time."""
    extent = stacked(series, names)
    size, unit = scale_for(extent.size, metric.unit)
    bars = [_bar(one, names, size, unit) for one in series]
    return {
        "data": [*bars, *sums(bars, unit)],
        "layout": named_layout(
            [*names.values()],
            ticks.of_hours([*names.values()]),
            barmode="relative",
            yaxis=value_axis(extent.in_units_of(size), unit),
        ),
    }


def _bar(series: HourSeries, names: Mapping[datetime, str], size: Decimal, unit: str) -> Figure:
    return {
        "type": "bar",
        "name": series.name,
        "x": list(names.values()),
        "y": [float(series.values.get(start, ZERO) / size) for start in names],
        "hovertemplate": hover(series.name, unit),
        "marker": {},
        "meta": {"hue": series.hue},
    }
