"""What is asked at once, as one statement: its columns are the queries' rows, as JSON.

Queries that are alike but for their values are one column, however many they are: of one
organisation it takes PostgreSQL longer to set a query up than to answer it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from typing import Any
from uuid import UUID

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db.models import DecimalField, Field, JSONField, QuerySet
from psycopg.adapt import PyFormat, Transformer

from billing.prepared import Prepared, Statement, statement_of

Rows = list[Any]


@dataclass(frozen=True, slots=True)
class Raw:
    """A statement that is written out. Its rows are tuples, each column of a field's type.

    ``is_planned_once`` says that one plan suits all values, as where indexes lead to few rows.
    """

    sql: str
    params: Mapping[str, Any]
    fields: "Sequence[Field[Any, Any]]"
    is_planned_once: bool = False


Wanted = QuerySet[Any, Any] | Prepared | Raw
"""Of models their own columns and annotations, without related ones; or values_list()."""

AS_TEXT = (DecimalField, JSONField)  # so that they are read as everywhere else, to the last digit
TYPED = (UUID, int, date, Decimal)  # values of which PostgreSQL is told the type


class OneStatement:
    """Asks all that is wanted. What is wanted twice is asked once."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        kinds: defaultdict[object, list[_Query]] = defaultdict(list)
        self._places: list[tuple[object, int] | None] = []  # of what is wanted: kind and number
        for query in map(_query_of, wanted):
            if query and query not in kinds[query.kind]:
                kinds[query.kind].append(query)
            place = (query.kind, kinds[query.kind].index(query)) if query else None
            self._places.append(place)
        self._columns = list(_columns_of(kinds))
        self.is_planned_once = all(query.is_planned_once for its in kinds.values() for query in its)

    @property
    def sql(self) -> str:
        """It is empty where all of it is known to have no rows."""
        columns = ", ".join(column.sql for column in self._columns)
        return f"SELECT {columns}" if columns else ""

    @property
    def params(self) -> dict[str, Any]:
        return {name: value for column in self._columns for name, value in column.params.items()}

    def rows(self, found: Sequence[str]) -> list[Rows]:
        """Return the rows of each that is wanted, of those that the statement has found."""
        each: defaultdict[object, list[Rows]] = defaultdict(list)
        for column, text in zip(self._columns, found, strict=True):
            each[column.kind] += column.rows(text)
        return [list(each[place[0]][place[1]]) if place else [] for place in self._places]


@dataclass(frozen=True)
class _Query:
    """A statement whose values have names."""

    sql: str
    values: Mapping[str, Any]
    is_planned_once: bool
    fields: "Sequence[Field[Any, Any]]" = field(compare=False)
    make: Callable[[Sequence[Any]], Any] = field(compare=False)

    @cached_property
    def kind(self) -> object:
        """Return what those have in common that can be a column: all but values that may differ."""
        if not self.is_planned_once:
            return self.sql
        cast = _cast_in(self.sql)
        common = (
            tuple(value) if isinstance(value, list) else value
            for name, value in self.values.items()
            if name not in cast and not isinstance(value, TYPED)
        )
        return self.sql, *common

    def as_json(self, places: Mapping[str, str]) -> str:
        """Return a statement of its rows as an array of arrays, with places for its values."""
        names = [f"c{n}" for n in range(len(self.fields))]
        columns = [
            f"{name}{_as_text(field)}" for name, field in zip(names, self.fields, strict=True)
        ]
        sql = self.sql.replace("%%", "%%%%") % places
        return (
            f"SELECT coalesce(json_agg(json_build_array({', '.join(columns)})), '[]')"  # noqa: S608
            f" FROM ({sql}) AS row ({', '.join(names)})"
        )

    def rows(self, found: Sequence[Sequence[Any]]) -> Rows:
        readers = [_reader(field) for field in self.fields]
        return [
            self.make([of(value) for of, value in zip(readers, row, strict=True)]) for row in found
        ]


@dataclass(frozen=True, slots=True)
class _Column:
    """The rows of queries of a kind, as the text of an array."""

    kind: object
    queries: Sequence[_Query]
    sql: str
    params: Mapping[str, Any]

    def rows(self, text: str) -> list[Rows]:
        found = msgspec.json.decode(text)
        return [query.rows(rows) for query, rows in zip(self.queries, found, strict=True)]


def _columns_of(kinds: Mapping[object, Sequence[_Query]]) -> Iterator[_Column]:
    """Yield a column for each kind, or for each query that is to be planned for its values."""
    number = 0
    for kind, queries in kinds.items():
        for its in [queries] if queries[0].is_planned_once else [[one] for one in queries]:
            yield _column_of(number, kind, its)
            number += 1


def _column_of(number: int, kind: object, queries: Sequence[_Query]) -> _Column:
    """Let the values that differ be rows, each with the rows of its query."""
    first, *others = queries
    params = {f"{number}_{name}": value for name, value in first.values.items()}
    places = {name: f"%({number}_{name})s" for name in first.values}
    given: list[str] = []
    for name, value in first.values.items():
        if any(other.values[name] != value for other in others):
            each = [_element(query.values[name]) for query in queries]
            params[f"{number}_{name}"] = each
            is_text = any(isinstance(one, str) for one in each)
            given.append(f"{places[name]}::text[]" if is_text else places[name])
            places[name] = f"given_{number}.v{len(given)}"
    rows = first.as_json(places)
    if not given:
        return _Column(kind, queries, f"(SELECT json_build_array(({rows}))::text)", params)
    names = "".join(f"v{n}, " for n in range(1, len(given) + 1))
    sql = (
        f"(SELECT json_agg(({rows}) ORDER BY place)::text"  # noqa: S608
        f" FROM unnest({', '.join(given)}) WITH ORDINALITY AS given_{number} ({names}place))"
    )
    return _Column(kind, queries, sql, params)


def _element(value: Any) -> Any:
    """Return a value as one of an array: there are none of arrays of several lengths."""
    if not isinstance(value, list):
        return value
    return bytes(Transformer().get_dumper(value, PyFormat.TEXT).dump(value) or b"").decode()


@cache
def _cast_in(sql: str) -> frozenset[str]:
    """Return the values that a statement casts wherever it has them, so that a text will do."""
    found = re.findall(r"%\((\w+)\)s(::)?", sql)
    return frozenset(name for name, _ in found) - {name for name, is_cast in found if not is_cast}


def _query_of(wanted: Wanted) -> _Query | None:
    """Return None of what is known to have no rows."""
    if isinstance(wanted, Raw):
        return _Query(wanted.sql, wanted.params, wanted.is_planned_once, wanted.fields, tuple)
    if isinstance(wanted, Prepared):
        return _query_with(wanted.statement, wanted.params, is_planned_once=True)
    try:
        statement = statement_of(wanted)
    except EmptyResultSet:
        return None
    return _query_with(statement, statement.params, is_planned_once=False)


def _query_with(statement: Statement, params: Sequence[Any], *, is_planned_once: bool) -> _Query:
    values = {f"{number}": value for number, value in enumerate(params)}
    return _Query(statement.named_sql, values, is_planned_once, statement.fields, statement.make)


def _as_text(field: "Field[Any, Any]") -> str:
    """Return what makes a column text, where JSON would have numbers that are not exact."""
    if isinstance(field, ArrayField):
        return f"{_as_text(field.base_field)}[]" if _as_text(field.base_field) else ""
    return "::text" if isinstance(field, AS_TEXT) else ""


def _reader(field: "Field[Any, Any]") -> Callable[[Any], Any]:
    """Return what makes a column's value of JSON's."""
    if isinstance(field, ArrayField):
        of = _reader(field.base_field)
        return lambda values: None if values is None else [of(value) for value in values]
    if isinstance(field, JSONField):
        return lambda text: None if text is None else json.loads(text)
    return field.to_python
