"""One chart with its title, its sentence, its notes and its table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple, TypeVar

from django.utils.translation import gettext as _

from billing.dashboards.charts.ahead import Read, ahead_of, expected_rows
from billing.dashboards.charts.drawing import (
    Figure,
    Series,
    Summary,
    daily_bars,
    daily_level,
    summarise,
)
from billing.dashboards.charts.forecast import Expected
from billing.dashboards.charts.marks import Links, Notes, with_costs, with_notes, with_place_links
from billing.dashboards.charts.titles import title_of
from billing.dashboards.charts.to_come import ToCome
from billing.dashboards.grains import folded
from billing.dashboards.metrics import EXECUTION, SUM, Metric
from billing.dashboards.ranges import Range
from billing.dashboards.usage.state import State
from billing.metering.folding.groups import OTHERS
from billing.periods import Days

EXECUTION_HUE, STORAGE_HUE, OTHERS_HUE = 2, 1, 6
MOST_VALUES = 6  # of a dimension, with a colour of their own
ZERO = Decimal(0)
ROUNDED = Decimal("1e-12")
At = TypeVar("At", date, datetime)


class Row(NamedTuple):
    """A day, week or month of the table that says what a chart shows."""

    place: Days
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
    links: Links
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

    @property
    def expected_rows(self) -> list[tuple[str, Expected]]:
        return expected_rows(self.to_come, self.state.range)


def make_panel(read: Read, state: State, *, today: date, notes: Notes, links: Links) -> Panel:
    """Return an organisation's chart of one metric: bars of what adds up, a line of a level."""
    asked, metric = state.range, read.metric
    series = _series(read, asked)
    ahead = ahead_of(read, asked, today)
    to_come = ahead.places if ahead else {}
    figure = with_notes(_drawn(read, series, asked, to_come, today), notes.drawn, asked)
    if read.costs and not read.groups:
        costs = folded(read.costs, asked.places, SUM)
        each = [costs.get(place.first, ZERO) for place in asked.places]
        figure = with_costs(figure, each, read.currency)
    return Panel(
        metric=metric,
        title=title_of(metric, asked.grain),
        series=series,
        figure=with_place_links(figure, links, asked),
        summary=summarise(read.values, asked.whole or asked.days),
        links=links,
        notes=notes,
        to_come=to_come,
        expected=ahead.at_the_end if ahead else None,
        by=state.by if read.groups else "",
        read=read,
        state=state,
    )


def _drawn(
    read: Read, series: Sequence[Series], asked: Range, to_come: ToCome, today: date
) -> Figure:
    before = read.in_places(asked.before_places)
    unit = read.metric.unit
    if read.metric.is_level:
        return daily_level(asked=asked, series=series[0], before=before, unit=unit, to_come=to_come)
    return daily_bars(
        asked=asked, series=series, before=before, unit=unit, today=today, to_come=to_come
    )


def _series(read: Read, asked: Range) -> list[Series]:
    """Return one series, or one for each of the largest values and one for all that is left."""
    days, fold = asked.days, read.metric.fold
    if not read.groups:
        hue = EXECUTION_HUE if read.metric == EXECUTION else STORAGE_HUE
        return [Series(read.metric.name, read.in_places(asked.places), hue)]
    own = {day: read.values[day] for day in days if day in read.values}
    largest = largest_values(read.groups, list(days))[:MOST_VALUES]
    series = [Series(value, read.groups[value], hue) for hue, value in enumerate(largest)]
    if rest := left_over(own, [one.values for one in series]):
        series.append(Series(all_others(), rest, OTHERS_HUE))
    return [replace(one, values=folded(one.values, asked.places, fold)) for one in series]


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


def _rows(read: Read, series: Sequence[Series], state: State, notes: Notes) -> list[Row]:
    asked = state.range
    totals, costs = read.in_places(asked.places), folded(read.costs, asked.places, SUM)
    earlier = asked.before_places if asked.is_compared else []
    before = read.in_places(earlier)
    rows = [
        Row(
            place=place,
            values=[one.values.get(place.first, ZERO) for one in series],
            total=totals.get(place.first, ZERO),
            before=before.get(beside.first, ZERO) if beside else None,
            cost=costs.get(place.first),
            notes=notes.on(place),
        )
        for place, beside in zip_longest(asked.places, earlier[: len(asked.places)])
    ]
    if state.sort.removeprefix("-") == "used":
        rows.sort(key=lambda row: row.total)
    return rows[::-1] if state.sort.startswith("-") else rows
