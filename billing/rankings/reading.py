"""Read of a ranking what a page shows: as few rows as it shows, by the index of their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet, Value

from billing.rankings.models import RankedOrganisation, Ranking

PER_PAGE, TOP, MOVERS = 25, 6, 6

Rows = Sequence[RankedOrganisation]


@dataclass(frozen=True, slots=True)
class Leaders:
    """Those with the most of a figure, and those whose figure rose or fell the most."""

    largest: Rows
    moved: Rows


class _Pages(Paginator[RankedOrganisation]):
    """Of rows that need not be counted: their number is known."""

    def __init__(self, rows: "QuerySet[RankedOrganisation]", *, count: int) -> None:
        super().__init__(rows, PER_PAGE)
        self.known = count

    @property
    def count(self) -> int:
        return self.known


def read_page(
    ranking: Ranking, *, sort: str, search: str, number: str | None
) -> "Page[RankedOrganisation]":
    """Return a page of those found, by a column; with a minus from the most to the least."""
    rows = _rows(ranking).order_by(*_order(sort))
    if search:
        named = Q(name__contains=search.casefold()) | Q(organisation__slug__contains=search)
        return Paginator(rows.filter(named), PER_PAGE).get_page(number)
    return _Pages(rows, count=ranking.organisations).get_page(number)


def largest(ranking: Ranking, figure: str) -> list[UUID]:
    """Return who is largest by one of FIGURES, as :func:`read_leaders` has them."""
    found = list(_largest(ranking, figure).values_list("organisation_id", figure, "name"))
    found.sort(key=lambda row: (-row[1], row[2]))
    return [organisation for organisation, *_ in found]


def read_leaders(ranking: Ranking, figure: str) -> Leaders:
    """Return who leads by one of FIGURES, in one query."""
    change = f"{figure}_difference"
    most = _largest(ranking, figure).select_related("organisation").annotate(part=Value(""))
    up = _rows(ranking).annotate(part=Value("up")).filter(**{f"{change}__gt": 0})
    down = _rows(ranking).annotate(part=Value("down")).filter(**{f"{change}__lt": 0})
    found = list(
        most.union(
            up.order_by(*_order(f"-{change}"))[:MOVERS],
            down.order_by(*_order(change))[:MOVERS],
            all=True,
        )
    )
    largest = [row for row in found if not row.part]
    moved = [row for row in found if row.part]
    moved.sort(key=lambda row: (-abs(getattr(row, change)), row.name))
    return Leaders(
        largest=sorted(largest, key=lambda row: (-getattr(row, figure), row.name)),
        moved=sorted(moved[:MOVERS], key=lambda row: -getattr(row, change)),
    )


def _largest(ranking: Ranking, figure: str) -> "QuerySet[RankedOrganisation]":
    rows = RankedOrganisation.objects.filter(ranking=ranking, **{f"{figure}__gt": 0})
    return rows.order_by(*_order(f"-{figure}"))[:TOP]


def _rows(ranking: Ranking) -> "QuerySet[RankedOrganisation]":
    return RankedOrganisation.objects.filter(ranking=ranking).select_related("organisation")


def _order(sort: str) -> list[str]:
    """Return the order of an index, read forwards or backwards."""
    column, is_falling = sort.removeprefix("-"), sort.startswith("-")
    if column == "name":
        return ["-name", "-organisation"] if is_falling else ["name", "organisation"]
    return [f"-{column}", "name"] if is_falling else [column, "-name"]
