"""Reads that go together: what several readers want to know at once is asked in one statement.

A reader is a generator. It yields what it wants to know, receives the rows of each, and returns
what it makes of them; or yields again, for what it could not know before::

    def discounts_of(owners: Collection[UUID]) -> Reading[list[Discount]]:
        [rows] = yield [Discount.objects.filter(organisation__in=owners)]
        return [row for row in rows if row.is_left]

    discounts, credits = read(together(discounts_of(owners), credits_of(owners)))

So a page takes as many statements as its readers wait for each other, whatever else there is to
know; and what one statement reads is of one moment.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import DecimalField, Field, JSONField, QuerySet

from billing.prepared import Prepared, Statement, statement_of
from eventstore.cursors import binary_cursor

T = TypeVar("T")
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

Reading = Generator[Sequence[Wanted], Sequence[Rows], T]

AS_TEXT = (DecimalField, JSONField)  # so that they are read as everywhere else, to the last digit


def read(reading: Reading[T]) -> T:
    """Run a reader to its end, with a statement each time that it yields."""
    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(_rows(wanted))
    except StopIteration as stop:
        found: T = stop.value
        return found


def together(*readings: Reading[Any]) -> Reading[list[Any]]:
    """Let readers go on side by side, and return what each of them made, in their order."""
    made: list[Any] = [None] * len(readings)
    waiting: dict[int, Sequence[Wanted]] = {}

    def go_on(number: int, step: Callable[[], Sequence[Wanted]]) -> None:
        try:
            waiting[number] = step()
        except StopIteration as stop:
            made[number] = stop.value

    for number, reading in enumerate(readings):
        go_on(number, reading.__next__)
    while waiting:
        asked, waiting = waiting, {}
        rows = iter((yield [one for wanted in asked.values() for one in wanted]))
        for number, wanted in asked.items():
            answers = [next(rows) for _ in wanted]
            go_on(number, lambda: readings[number].send(answers))  # noqa: B023 (called at once)
    return made


def _rows(wanted: Sequence[Wanted]) -> list[Rows]:
    return [_alone(wanted[0])] if len(wanted) == 1 else _in_one(wanted)


def _alone(wanted: Wanted) -> Rows:
    if isinstance(wanted, QuerySet):
        return list(wanted)
    if isinstance(wanted, Prepared):
        return _in_one([wanted])[0]
    with _cursor(is_planned_once=wanted.is_planned_once) as cursor:
        cursor.execute(wanted.sql, wanted.params)
        return list(cursor.fetchall())


def _in_one(wanted: Sequence[Wanted]) -> list[Rows]:
    """Let each be a column, as JSON. What two readers want alike is read once."""
    each = [_query_of(one) for one in wanted]
    asked: list[_Query] = []
    places: list[int | None] = []
    for query in each:
        if query and query not in asked:
            asked.append(query)
        places.append(asked.index(query) if query else None)
    if not asked:
        return [[] for _ in each]
    columns = [query.as_json(number) for number, query in enumerate(asked)]
    params = [pair for number, query in enumerate(asked) for pair in query.params(number)]
    with _cursor(is_planned_once=all(query.is_planned_once for query in asked)) as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}", dict(params))
        [found] = cursor.fetchall()
    rows = [query.rows(msgspec.json.decode(text)) for query, text in zip(asked, found, strict=True)]
    return [[] if place is None else list(rows[place]) for place in places]


def _cursor(*, is_planned_once: bool) -> "AbstractContextManager[Any]":
    """Open a cursor: with values beside the text, or in it, so that it is planned for them."""
    return binary_cursor() if is_planned_once else connection.cursor()


@dataclass(frozen=True)
class _Query:
    sql: str
    values: Mapping[str, Any]
    is_planned_once: bool
    fields: "Sequence[Field[Any, Any]]" = field(compare=False)
    make: Callable[[Sequence[Any]], Any] = field(compare=False)

    def as_json(self, number: int) -> str:
        """A column with all rows, as the text of an array of arrays; values are told by number."""
        names = [f"c{n}" for n in range(len(self.fields))]
        columns = [
            f"{name}{_as_text(field)}" for name, field in zip(names, self.fields, strict=True)
        ]
        places = {name: f"%({number}_{name})s" for name in self.values}
        sql = self.sql.replace("%%", "%%%%") % places
        return (
            f"(SELECT coalesce(json_agg(json_build_array({', '.join(columns)})), '[]')::text"  # noqa: S608
            f" FROM ({sql}) AS row ({', '.join(names)}))"
        )

    def params(self, number: int) -> list[tuple[str, Any]]:
        return [(f"{number}_{name}", value) for name, value in self.values.items()]

    def rows(self, found: Sequence[Sequence[Any]]) -> Rows:
        readers = [_reader(field) for field in self.fields]
        return [
            self.make([of(value) for of, value in zip(readers, row, strict=True)]) for row in found
        ]


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
    named = {f"{number}": value for number, value in enumerate(params)}
    sql = statement.sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in named)
    return _Query(sql, named, is_planned_once, statement.fields, statement.make)


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
