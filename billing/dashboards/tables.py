"""The overview's table: sorted, filtered and paged from the address. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from billing.dashboards.charts import Series, Values, sparkline
from billing.dashboards.metrics import EXECUTION, GB_HOURS, METRICS, STORED, Change, Metric
from billing.dashboards.queries import OverviewFigures, Used
from billing.dashboards.ranges import Range
from billing.invoicing.rate import RatedPeriod

PER_PAGE = 50
OTHERS_HUE = 6
NOTHING = Used()
ZERO = Decimal(0)
DEFAULT_SORT = "-gb-hours"


@dataclass(frozen=True, slots=True)
class Row:
    id: UUID
    name: str
    slug: str
    used: Used
    cost: RatedPeriod | None
    change: Change | None

    @property
    def stored(self) -> Decimal:
        return self.used.of(STORED)

    @property
    def gb_hours(self) -> Decimal:
        return self.used.of(GB_HOURS)

    @property
    def execution(self) -> Decimal:
        return self.used.of(EXECUTION)


@dataclass(frozen=True, slots=True)
class Column:
    """A heading that leads to its sorting: the other way round where it is the sorting already."""

    name: str
    slug: str
    sort: str  # what its link asks for
    aria: str  # of aria-sort; empty where another column sorts
    is_figure: bool


@dataclass(frozen=True, slots=True)
class DressedRow:
    """A row with what is only read for the rows that are shown."""

    row: Row
    plan: str
    points: str
    hue: int


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day of the table that says what a chart shows."""

    day: date
    values: Sequence[Decimal]
    total: Decimal
    before: Decimal | None


Key = Callable[[Row], tuple[object, ...]]

KEYS: Mapping[str, Key] = {
    "name": lambda row: (row.name.casefold(),),
    **{
        slug: lambda row, metric=metric: (row.used.of(metric),)  # type: ignore[misc]
        for slug, metric in METRICS.items()
    },
    "cost": lambda row: (row.cost.total if row.cost else Decimal(-1),),
    "change": lambda row: ((row.change.percent or 0) if row.change else 0,),
}
COLUMNS = [
    ("Organisation", "name"),
    ("Stored", "stored"),
    ("GB·h", "gb-hours"),
    ("Execution", "execution"),
    ("Cost", "cost"),
    ("Change", "change"),
]


def read_sort(asked: Mapping[str, str]) -> str:
    """Return what ``?sort=`` asks for, else the most GB-hours first."""
    sort = asked.get("sort", "")
    return sort if sort.removeprefix("-") in KEYS else DEFAULT_SORT


def sort_rows(rows: Sequence[Row], sort: str) -> list[Row]:
    by_name = sorted(rows, key=lambda row: (row.name.casefold(), row.id))  # ties keep this order
    return sorted(by_name, key=KEYS[sort.removeprefix("-")], reverse=sort.startswith("-"))


def make_rows(figures: OverviewFigures, metric: Metric) -> list[Row]:
    return [
        Row(
            id=one.pk,
            name=one.name,
            slug=one.slug,
            used=figures.used.get(one.pk, NOTHING),
            cost=figures.cost.get(one.pk),
            change=_change(one.pk, figures, metric),
        )
        for one in figures.organisations
    ]


def search_rows(rows: Sequence[Row], search: str) -> list[Row]:
    wanted = search.casefold()
    return [row for row in rows if wanted in row.name.casefold() or wanted in row.slug]


def dress_rows(
    rows: Sequence[Row],
    *,
    top: Sequence[Row],
    daily: Mapping[UUID, Values],
    plans: Mapping[UUID, str],
    asked: Range,
) -> list[DressedRow]:
    hues = {row.id: hue for hue, row in enumerate(top)}
    return [
        DressedRow(
            row=row,
            plan=plans.get(row.id, ""),
            points=sparkline(daily.get(row.id, {}), asked.whole or asked.days),
            hue=hues.get(row.id, OTHERS_HUE),
        )
        for row in rows
    ]


def day_rows(series: Sequence[Series], totals: Values, asked: Range) -> list[DayRow]:
    earlier = dict(zip(asked.shown, asked.before, strict=False))
    return [
        DayRow(
            day=day,
            values=[one.values.get(day, ZERO) for one in series],
            total=totals.get(day, ZERO),
            before=totals.get(earlier[day], ZERO) if day in earlier else None,
        )
        for day in asked.days
    ]


def columns(sort: str) -> list[Column]:
    return [_column(name, slug, sort) for name, slug in COLUMNS]


def _column(name: str, slug: str, sort: str) -> Column:
    first = slug if slug == "name" else f"-{slug}"
    if sort.removeprefix("-") != slug:
        return Column(name, slug, first, "", is_figure=slug != "name")
    turned = slug if sort.startswith("-") else f"-{slug}"
    aria = "descending" if sort.startswith("-") else "ascending"
    return Column(name, slug, turned, aria, is_figure=slug != "name")


def _change(organisation: UUID, figures: OverviewFigures, metric: Metric) -> Change | None:
    if figures.used_compared is None or figures.used_before is None:
        return None
    return Change(
        now=figures.used_compared.get(organisation, NOTHING).of(metric),
        before=figures.used_before.get(organisation, NOTHING).of(metric),
    )
