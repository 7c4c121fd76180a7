"""One chart with its title, its sentence and its table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.dashboards.charts import (
    Figure,
    Series,
    Summary,
    Values,
    daily_bars,
    daily_level,
    summarise,
)
from billing.dashboards.metrics import EXECUTION, Metric
from billing.dashboards.ranges import Range
from billing.dashboards.tables import DayRow, day_rows

EXECUTION_HUE = 2
STORAGE_HUE = 1


@dataclass(frozen=True, slots=True)
class Panel:
    metric: Metric
    series: Sequence[Series]
    figure: Figure
    summary: Summary | None
    day_rows: Sequence[DayRow]


def make_panel(metric: Metric, values: Values, asked: Range, *, today: date) -> Panel:
    """Return an organisation's chart of one metric: bars of what adds up, a line of a level."""
    hue = EXECUTION_HUE if metric == EXECUTION else STORAGE_HUE
    series = Series(metric.name, {day: values[day] for day in asked.days if day in values}, hue)
    before = {day: values[day] for day in asked.before if day in values}
    if metric.is_level:
        figure = daily_level(asked=asked, series=series, before=before, unit=metric.unit)
    else:
        figure = daily_bars(
            asked=asked, series=[series], before=before, unit=metric.unit, today=today
        )
    return Panel(
        metric=metric,
        series=[series],
        figure=figure,
        summary=summarise(values, asked.whole or asked.days),
        day_rows=day_rows([], values, asked),
    )
