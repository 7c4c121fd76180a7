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

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from django.db import connection
from django.db.models import QuerySet

from billing.one_statement import OneStatement, Raw, Rows, Wanted
from billing.prepared import Prepared
from eventstore.cursors import binary_cursor

__all__ = ["Raw", "Reading", "Wanted", "read", "together"]

T = TypeVar("T")

Reading = Generator[Sequence[Wanted], Sequence[Rows], T]


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
    statement = OneStatement(wanted)
    if not statement.sql:
        return [[] for _ in wanted]
    with _cursor(is_planned_once=statement.is_planned_once) as cursor:
        cursor.execute(statement.sql, statement.params)
        [found] = cursor.fetchall()
    return statement.rows(found)


def _cursor(*, is_planned_once: bool) -> "AbstractContextManager[Any]":
    """Open a cursor: with values beside the text, or in it, so that it is planned for them."""
    return binary_cursor() if is_planned_once else connection.cursor()
