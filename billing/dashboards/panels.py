"""One chart with its title, its sentence, its notes and its table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from django.utils.translation import gettext as _

from billing.dashboards.charts import (
    Figure,
    Series,
    Summary,
    Values,
    daily_bars,
    daily_level,
    summarise,
)
from billing.dashboards.forecast import Expected, Forecast, forecast
from billing.dashboards.marks import DayLinks, Notes, with_costs, with_day_links, with_notes
from billing.dashboards.metrics import EXECUTION, Metric
from billing.dashboards.ranges import Range
from billing.dashboards.state import State
from billing.dashboards.to_come import ToCome
from billing.invoicing.charging.day_costs import Costs
from billing.metering.folding.groups import OTHERS
from billing.periods import ONE_DAY, Days

EXECUTION_HUE, STORAGE_HUE, OTHERS_HUE = 2, 1, 6
MOST_VALUES = 6  # of a dimension, with a colour of their own
ZERO = Decimal(0)
ROUNDED = Decimal("1e-12")
At = TypeVar("At", date, datetime)


@dataclass(frozen=True, slots=True)
class Read:
    """What a chart of one metric is made of: values by day, in the metric's unit.

    ``groups`` has the values of a dimension; ``drifts`` says that a level is behind it.
    """

    metric: Metric
    values: Values
    groups: Mapping[str, Values] = field(default_factory=dict)
    costs: Costs = field(default_factory=dict)
    currency: str = ""
    drifts: bool = False
    may_be_forecast: bool = True


class Row(NamedTuple):
    """A day of the table that says what a chart shows."""

    day: date
    values: Sequence[Decimal]
    total: Decimal
    before: Decimal | None
    cost: Decimal | None
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Panel:
    metric: Metric
    title: str
    series: Sequence[Series]
    figure: Figure
    summary: Summary | None
    links: DayLinks
    notes: Notes
    to_come: ToCome
    expected: Expected | None  # at the period's end, or up to it
    by: str
    read: Read
    state: State

    @property
    def rows(self) -> list[Row]:
        """Return the rows of its table: of most charts nobody sees it, so they are made then."""
        return _rows(self.read, self.series, self.state, self.notes)


def make_panel(read: Read, state: State, *, today: date, notes: Notes, links: DayLinks) -> Panel:
    """Return an organisation's chart of one metric: bars of what adds up, a line of a level."""
    asked, metric = state.range, read.metric
    series = _series(read, asked.days)
    ahead = _forecast(read, asked, today)
    to_come = dict(zip(_days_to_come(read, asked, today), ahead.days, strict=True)) if ahead else {}
    figure = with_notes(_drawn(read, series, asked, to_come, today), notes.drawn)
    if read.costs and not read.groups:
        costs = [read.costs.get(day, ZERO) for day in asked.days]
        figure = with_costs(figure, costs, read.currency)
    return Panel(
        metric=metric,
        title=title_of(metric),
        series=series,
        figure=with_day_links(figure, links),
        summary=summarise(read.values, asked.whole or asked.days),
        links=links,
        notes=notes,
        to_come=to_come,
        expected=_at_the_end(read, asked, ahead, today) if ahead else None,
        by=state.by if read.groups else "",
        read=read,
        state=state,
    )


def _drawn(
    read: Read, series: Sequence[Series], asked: Range, to_come: ToCome, today: date
) -> Figure:
    before = {day: read.values[day] for day in asked.before if day in read.values}
    unit = read.metric.unit
    if read.metric.is_level:
        return daily_level(asked=asked, series=series[0], before=before, unit=unit, to_come=to_come)
    return daily_bars(
        asked=asked, series=series, before=before, unit=unit, today=today, to_come=to_come
    )


def title_of(metric: Metric) -> str:
    if metric.is_level:
        return _("{name} at the end of each day").format(name=metric.name)
    return _("{name} per day").format(name=metric.name)


def _series(read: Read, days: Days) -> list[Series]:
    """Return one series, or one for each of the largest values and one for all that is left."""
    own = {day: read.values[day] for day in days if day in read.values}
    if not read.groups:
        hue = EXECUTION_HUE if read.metric == EXECUTION else STORAGE_HUE
        return [Series(read.metric.name, own, hue)]
    largest = largest_values(read.groups, list(days))[:MOST_VALUES]
    series = [Series(value, read.groups[value], hue) for hue, value in enumerate(largest)]
    if rest := left_over(own, [one.values for one in series]):
        series.append(Series(all_others(), rest, OTHERS_HUE))
    return series


def largest_values(groups: Mapping[str, Mapping[Any, Decimal]], among: Sequence[Any]) -> list[str]:
    """Return the values of a dimension, the largest first; not what has none, nor the bounded."""
    sums = {
        value: sum((each.get(at, ZERO) for at in among), ZERO)
        for value, each in groups.items()
        if value not in ("", OTHERS)
    }
    return sorted(sums, key=lambda value: (-sums[value], value))


def left_over(
    values: Mapping[At, Decimal], parts: Sequence[Mapping[At, Decimal]]
) -> dict[At, Decimal]:
    """Return what parts leave of values; nothing at all where that is what division rounded."""
    rest = {
        at: value - sum((one.get(at, ZERO) for one in parts), ZERO) for at, value in values.items()
    }
    return rest if any(abs(one) > ROUNDED for one in rest.values()) else {}


def all_others() -> str:
    return _("All others")


def _first_to_come(metric: Metric, today: date) -> date:
    """Return the first day that is not known: today is not over, but a level stands already."""
    return today + ONE_DAY if metric.is_level else today


def _days_to_come(read: Read, asked: Range, today: date) -> list[date]:
    return [day for day in asked.shown if day >= _first_to_come(read.metric, today)]


def _forecast(read: Read, asked: Range, today: date) -> Forecast | None:
    if not (read.may_be_forecast and asked.is_running):
        return None
    known = [day for day in asked.read if day < _first_to_come(read.metric, today)]
    used = [day for day in known if read.values.get(day)]
    past = [read.values.get(day, ZERO) for day in known if used and day >= used[0]]
    days = len(_days_to_come(read, asked, today))
    return forecast(past, days=days, is_level=read.drifts)


def _at_the_end(read: Read, asked: Range, ahead: Forecast, today: date) -> Expected:
    if read.metric.is_level:
        return ahead.days[-1]
    known = sum(
        (read.values.get(day, ZERO) for day in asked.days if day < today),
        ZERO,
    )
    total = ahead.total
    return Expected(total.value + known, total.low + known, total.high + known)


def _rows(read: Read, series: Sequence[Series], state: State, notes: Notes) -> list[Row]:
    asked = state.range
    earlier = dict(zip(asked.shown, asked.before, strict=False)) if asked.is_compared else {}
    rows = [
        Row(
            day=day,
            values=[one.values.get(day, ZERO) for one in series],
            total=read.values.get(day, ZERO),
            before=read.values.get(earlier[day], ZERO) if day in earlier else None,
            cost=read.costs.get(day),
            notes=notes.on(day),
        )
        for day in asked.days
    ]
    if state.sort.removeprefix("-") == "used":
        rows.sort(key=lambda row: row.total)
    return rows[::-1] if state.sort.startswith("-") else rows
