"""Compare what the saga wrote with what the raw events make of it, counted anew (recount.py).

All of it is read in one snapshot of the database, on a connection of its own, and only up to the
saga's checkpoints of that snapshot: so it is right while workers fold and appends go on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import IsolationLevel

from billing.exact import plain
from billing.metering.folding.saga import CONSUMER
from billing.metering.recounting import calendars, comparing, recount
from billing.periods import ONE_DAY, month_of, start_of
from eventstore import feed, store

CHUNK = 2000  # findings that are held at a time

Connection = psycopg.Connection[tuple[Any, ...]]
Payloads = Iterable[tuple[UUID, int, str]]
"""Organisation, position and data, as JSON, of events."""
Watch = Callable[[str, int, int], object]
"""Told what is being looked at, how much of it is done, and out of how much."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which usage to look at; all of it by default. ``end`` is the first day that is not in it."""

    organisation_id: UUID | None = None
    service_id: int | None = None
    first: date | None = None
    end: date | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of the statements of ``recount`` and ``comparing``."""
        return {
            "consumer": CONSUMER,
            "unfinished": settings.METER_UNFINISHED_UPLOADS,
            "organisation": self.organisation_id,
            "service": self.service_id,
            "since": self.first and start_of(self.first),
            "before": self.end and start_of(self.end),
            "first": self.first,
            "end": self.end,
            # Which months lie in the slice as a whole: the first, and the first after them.
            "first_month": self.first and month_of(self.first - ONE_DAY).end,
            "end_month": self.end and self.end.replace(day=1),
        }

    @property
    def looks(self) -> dict[str, str]:
        """Return the looks that a slice of usage is enough for."""
        left_out: set[str] = set()
        if self.organisation_id is not None:
            left_out |= comparing.OF_ALL_ORGANISATIONS
        if self.first or self.end:
            left_out |= comparing.OF_ALL_TIME
        return {what: sql for what, sql in comparing.LOOKS.items() if what not in left_out}


EVERYTHING = Slice()


def findings(
    wanted: Slice = EVERYTHING,
    *,
    payloads: Payloads = (),
    watch: Watch = lambda what, done, total: None,
) -> Iterator[str]:
    """Yield a line for everything that is not as the events make it. Writes nothing.

    ``payloads`` are of archived events of which more is read than was kept.
    """
    with one_snapshot(payloads) as db:
        values = wanted.values
        marks = dict(db.execute(recount.CHECKPOINTS, values).fetchall())
        members = _organisations(db, wanted, marks)
        for done, (partition, organisations) in enumerate(members.items()):
            watch(f"partition {partition}", done, len(members))
            within = {"partition": partition, "until": marks.get(partition, 0)}
            for what, where, held, made in _rows(
                db, _statement(wanted), {**values, **within, "organisations": organisations}
            ):
                say = SAYING.get(what, _sums)
                yield f"{what}: {where}: {say(*held)} is held, but the events make {say(*made)}."


@contextmanager
def one_snapshot(payloads: Payloads) -> Iterator[Connection]:
    with psycopg.connect(**connection.get_connection_params()) as db:
        db.execute(recount.TABLES)
        _add_calendars(db)
        with db.cursor() as cursor, cursor.copy("COPY check_payload FROM STDIN") as copy:
            for _, *row in payloads:
                copy.write_row(row)
        db.commit()
        db.isolation_level, db.read_only = IsolationLevel.REPEATABLE_READ, True
        yield db


def _add_calendars(db: Connection) -> None:
    """Work out the days of all zones that organisations are in."""
    names = [name for (name,) in db.execute(recount.ZONES)]
    with db.cursor() as cursor:
        for name in names:
            days = list(calendars.days(ZoneInfo(name)))
            cursor.execute("INSERT INTO check_zone VALUES (%s, %s)", [name, calendars.slot(days)])
            with cursor.copy("COPY check_day FROM STDIN") as copy:
                for day in days:
                    copy.write_row((name, *day))


def _organisations(
    db: Connection, wanted: Slice, marks: Mapping[int, int]
) -> dict[int, list[UUID]]:
    """Return which organisations are in each partition that has anything to look at."""
    if wanted.organisation_id is not None:
        return {store.partition_of(wanted.organisation_id): [wanted.organisation_id]}
    members: dict[int, list[UUID]] = {partition: [] for partition in feed.partitions()}
    for (organisation_id,) in db.execute("SELECT id FROM accounts_organisation"):
        members[store.partition_of(organisation_id)].append(organisation_id)
    return {
        partition: organisations
        for partition, organisations in members.items()
        if organisations or _has_more(db, partition, until=marks.get(partition, 0))
    }


def _has_more(db: Connection, partition: int, *, until: int) -> bool:
    """Whether a partition without an organisation has rows of the platform, or events, even so."""
    found = db.execute(recount.HAS_MORE, {"partition": partition, "until": until}).fetchone()
    return found is not None and bool(found[0])


def _statement(wanted: Slice) -> str:
    looks = (f"SELECT '{what}', * FROM ({sql}) AS look" for what, sql in wanted.looks.items())  # noqa: S608 (constants only)
    counted = f"{recount.COUNTED}, {comparing.KEPT_MONTHS}"
    return f"WITH {counted} {' UNION ALL '.join(looks)} ORDER BY 1, 2"


def _rows(db: Connection, sql: str, values: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    with db.cursor(name="check_usage") as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(sql, values)


def _sums(quantity: Decimal, area: Decimal, high: Decimal, count: Decimal | None) -> str:
    said = plain(quantity)
    if more := [f"{name} {plain(one)}" for name, one in (("area", area), ("high", high)) if one]:
        said += f" ({', '.join(more)})"
    return said if count is None else f"{said} in {_events(count)}"


def _month(figure: Decimal, level: Decimal) -> str:
    return plain(figure) + (f" (level {plain(level)})" if level else "")


def _values(count: Decimal) -> str:
    return f"{count} value{'s' * (count != 1)}"


def _told_apart(is_told: Decimal) -> str:
    return "a value of its own" if is_told else "none"


def _events(count: Decimal) -> str:
    return f"{count} event{'s' * (count != 1)}"


SAYING: dict[str, Callable[..., str]] = {
    "unique values": _values,
    "values": _told_apart,
    "uncounted": _events,
    "usage months": _month,
}
