"""Read of a ranking what a page shows: as few rows as it shows, by the index of their order.

Statements are written out: to make them of a model with forty-seven columns took as long as to read
and to show them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator

from billing.rankings.models import Ranking
from eventstore.cursors import binary_cursor

PER_PAGE, TOP, MOVERS = 25, 6, 6
FEW = 500  # found by a search


class Ranked(NamedTuple):
    """A row as a page shows it: ``compared`` and ``before`` are of the one figure asked for."""

    organisation_id: UUID
    name: str
    slug: str
    time_zone: str
    folded: str  # the name in small letters
    plan: str
    currency: str
    opening: Decimal
    stored: Decimal
    gb_hours: Decimal
    execution: Decimal
    cost: Decimal
    compared: Decimal
    before: Decimal
    warned_until: datetime | None  # of its budget

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def is_warned(self, now: datetime) -> bool:
        return self.warned_until is not None and now < self.warned_until

    @property
    def difference(self) -> Decimal:
        return self.compared - self.before


Rows = Sequence[Ranked]


@dataclass(frozen=True, slots=True)
class Leaders:
    """Those with the most of a figure, and those whose figure rose or fell the most."""

    largest: Rows
    moved: Rows


def read_page(
    ranking: Ranking, figure: str, *, sort: str, search: str, number: str | None
) -> tuple[Page[int], Rows]:
    """Return a page of places, and who is at them, of all or of those found.

    They are in the order of a column; with a minus from the most to the least.
    """
    asked: dict[str, Any] = {"ranking": ranking.pk}
    only, count = "", ranking.organisations
    if search:
        asked |= {"search": search, "folded": search.casefold()}
        only, count = _found(asked)
    page = Paginator(range(count), PER_PAGE).get_page(number)
    asked["offset"] = max(0, page.start_index() - 1)
    limit = f"OFFSET %(offset)s::bigint LIMIT {PER_PAGE}"
    rows = _read(_rows(figure, only=only, sort=sort, limit=limit), asked)
    return page, [Ranked(*row) for row in rows]


def _found(asked: dict[str, Any]) -> tuple[str, int]:
    """Return what of SQL finds what is searched for, and how many there are.

    To look through all names takes most of a search. Where few are found it is done once. Where
    many are, the first of them are soon seen, and so is a page of them, in the order that it has.
    """
    some = _read(SOME, {**asked, "limit": FEW + 1})
    if len(some) > FEW:
        [(count,)] = _read(COUNT, asked)
        return SEARCHED, count
    asked["names"], asked["ids"] = ([row[at] for row in some] for at in (0, 1))
    return AMONG, len(some)


def largest(ranking: Ranking, figure: str) -> list[UUID]:
    """Return who is largest by one of FIGURES, as :func:`read_leaders` has them."""
    rows = [Ranked(*row) for row in _read(_most(figure), _asked(ranking))]
    return [row.organisation_id for row in _by(figure, rows)]


def read_leaders(ranking: Ranking, figure: str) -> Leaders:
    """Return who leads by one of FIGURES, in one query; by cost, among those with the currency that
    most of it is in, for currencies do not compare.
    """
    change, only = f"{figure}_difference", _comparable(figure)
    parts = [
        _most(figure),
        _rows(figure, only=f"{only} AND {change} > 0", sort=f"-{change}", limit=f"LIMIT {MOVERS}"),
        _rows(figure, only=f"{only} AND {change} < 0", sort=change, limit=f"LIMIT {MOVERS}"),
    ]
    each = (
        f"SELECT {n}, part.* FROM ({sql}) AS part"  # noqa: S608 (as above)
        for n, sql in enumerate(parts)
    )
    found = _read(" UNION ALL ".join(each), _asked(ranking))
    largest = [Ranked(*row) for part, *row in found if part == 0]
    moved = [Ranked(*row) for part, *row in found if part]
    moved.sort(key=lambda row: (-abs(row.difference), row.folded))
    return Leaders(
        largest=_by(figure, largest),
        moved=sorted(moved[:MOVERS], key=lambda row: -row.difference),
    )


def _by(figure: str, rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: (-getattr(row, figure), row.folded))


def _asked(ranking: Ranking) -> dict[str, Any]:
    return {"ranking": ranking.pk, "currency": ranking.currency}


def _comparable(figure: str) -> str:
    return "AND currency = %(currency)s" if figure == "cost" else ""


def _most(figure: str) -> str:
    only = f"{_comparable(figure)} AND {figure} > 0"
    return _rows(figure, only=only, sort=f"-{figure}", limit=f"LIMIT {TOP}")


def _rows(figure: str, *, only: str, sort: str, limit: str) -> str:
    """Write a statement: its names of columns are this package's own."""
    return ROWS.format(figure=figure, only=only, order=_order(sort), limit=limit)


def _order(sort: str) -> str:
    """Return the order of an index, read forwards or backwards."""
    column, way = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
    if column == "name":
        return f"ranked.name {way}, organisation_id {way}"
    return f"{column} {way}, ranked.name {'ASC' if way == 'DESC' else 'DESC'}"


def _read(sql: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with binary_cursor() as cursor:  # which plans a statement once: that takes most of its time
        cursor.execute(sql, asked)
        return list(cursor.fetchall())


_FOUND = """
FROM billing_rankedorganisation AS ranked
JOIN accounts_organisation AS owner ON owner.id = organisation_id
WHERE ranking_id = %(ranking)s {only}
"""
ROWS = f"""
SELECT organisation_id, owner.name, slug, time_zone, ranked.name AS folded, plan, currency, opening,
    stored, gb_hours, execution, cost, {{figure}}_compared, {{figure}}_before, warned_until
{_FOUND} ORDER BY {{order}} {{limit}}
"""
SEARCHED = "AND (strpos(ranked.name, %(folded)s) > 0 OR strpos(slug, %(search)s) > 0)"
COUNT = f"SELECT count(*) {_FOUND.format(only=SEARCHED)}"
SOME = f"SELECT ranked.name, organisation_id {_FOUND.format(only=SEARCHED)} LIMIT %(limit)s"
AMONG = """AND (ranked.name, organisation_id) IN (
    SELECT * FROM unnest(%(names)s::text[], %(ids)s::uuid[])
)"""
