"""The overview's table: sorted, filtered and paged from the address. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple
from uuid import UUID

from django.utils.translation import gettext, pgettext

from billing.budgets.models import Threshold
from billing.dashboards.charts.drawing import Series, Values, sparkline
from billing.dashboards.grains import DAY, folded
from billing.dashboards.metrics import Change, Earned
from billing.dashboards.ranges import Range
from billing.periods import Days
from billing.rankings.reading import Ranked

ZERO = Decimal(0)
CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; ``points`` is the curve of the metric, empty where it has none."""

    name: str
    slug: str
    plan: str
    stored: Decimal
    gb_hours: Decimal
    execution: Decimal
    cost: Decimal
    currency: str  # empty without a price plan
    change: Change
    points: str
    warned: Threshold | None  # of its budget, last
    hue: int  # of the curve: that of its series in the chart


@dataclass(frozen=True, slots=True)
class Column:
    """A heading that leads to its sorting: the other way round where it is the sorting already."""

    name: str
    slug: str
    sort: str  # what its link asks for
    aria: str  # of aria-sort; empty where another column sorts
    is_figure: bool


class PlaceRow(NamedTuple):
    """A day, week or month of the table that says what a chart shows."""

    place: Days
    values: Sequence[Decimal]
    total: Decimal
    before: Decimal | None


SORTED_BY = ("name", "stored", "gb-hours", "execution", "cost", CHANGE)


def read_sort(asked: Mapping[str, str], metric: str, *, is_compared: bool) -> str:
    """Return what ``?sort=`` asks for, else the most of the metric first, as the chart has it."""
    sort = asked.get("sort", "")
    return sort if sort.removeprefix("-") in _sorted_by(is_compared) else f"-{metric}"


def _sorted_by(is_compared: bool) -> Sequence[str]:
    return [one for one in SORTED_BY if is_compared or one != CHANGE]


def column_of(sort: str, figure: str) -> str:
    """Return the field of a ranking that is sorted by, with its minus: a change in percent."""
    minus = "-" if sort.startswith("-") else ""
    column = sort.removeprefix("-").replace("-", "_")
    return f"{minus}{figure}_percent" if column == CHANGE else f"{minus}{column}"


def change_of(row: Ranked, figure: str) -> Change:
    kind = Earned if figure == "cost" else Change
    return kind(now=row.compared, before=row.before)


def make_row(
    row: Ranked,
    figure: str,
    daily: Mapping[UUID, Values],
    asked: Range,
    *,
    fold: str,
    warned: Threshold | None,
    hue: int,
) -> Row:
    days = daily.get(row.organisation_id, {})
    return Row(
        name=row.name,
        slug=row.slug,
        plan=row.plan,
        stored=row.stored,
        gb_hours=row.gb_hours,
        execution=row.execution,
        cost=row.cost,
        currency=row.currency,
        change=change_of(row, figure),
        points=_curve(days, asked, fold) if days else "",
        warned=warned,
        hue=hue,
    )


def _curve(values: Values, asked: Range, fold: str) -> str:
    if asked.grain == DAY:
        return sparkline(values, asked.whole or asked.days)
    return sparkline(folded(values, asked.places, fold), [one.first for one in asked.places])


def place_rows(series: Sequence[Series], totals: Values, asked: Range, fold: str) -> list[PlaceRow]:
    """Return the rows of a chart: of series by place, and of totals by day."""
    earlier = asked.before_places if asked.is_compared else []
    own, before = folded(totals, asked.places, fold), folded(totals, earlier, fold)
    return [
        PlaceRow(
            place=place,
            values=[one.values.get(place.first, ZERO) for one in series],
            total=own.get(place.first, ZERO),
            before=before.get(beside.first, ZERO) if beside else None,
        )
        for place, beside in zip_longest(asked.places, earlier[: len(asked.places)])
    ]


def columns(sort: str, *, is_compared: bool) -> list[Column]:
    names = {
        "name": gettext("Organisation"),
        "stored": gettext("Stored"),
        "gb-hours": "GB·h",
        "execution": gettext("Execution"),
        "cost": gettext("Cost"),
        CHANGE: pgettext("how much it is", "Change"),
    }
    return [_column(names[slug], slug, sort) for slug in _sorted_by(is_compared)]


def _column(name: str, slug: str, sort: str) -> Column:
    first = slug if slug == "name" else f"-{slug}"
    if sort.removeprefix("-") != slug:
        return Column(name, slug, first, "", is_figure=slug != "name")
    turned = slug if sort.startswith("-") else f"-{slug}"
    aria = "descending" if sort.startswith("-") else "ascending"
    return Column(name, slug, turned, aria, is_figure=slug != "name")
