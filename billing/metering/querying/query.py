"""Ask what a service's usage comes to: by windows of time, organisation and dimensions, exactly.

Of a sum, a count, a max, a latest and a unique count there is a row for each window with usage, of
all organisations that are asked for together unless it is asked for each. A level's value is its
integral in quantity × microseconds, a peak's how high the level stood at most; they have a row for
each window in which the level was not zero, up to ``now``.

Where every bound is on a whole hour, the hours answer, and else the events: with the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from billing.metering.folding import zoning
from billing.metering.folding.saga import FILES
from billing.metering.models import Service
from billing.metering.querying import levels, query_sql, windows
from billing.metering.querying.group_filters import condition, of_dimension
from billing.metering.querying.levels import Change, Figure, Key, Move
from billing.metering.querying.windows import (
    ONE_HOUR,
    Size,
    floor_hour,
    floor_minute,
    is_whole_hour,
)
from billing.metering.services.meters import BEGINNING

UTC_ZONE = ZoneInfo("UTC")
LEVEL, PEAK = Service.Aggregation.LEVEL, Service.Aggregation.PEAK
FIGURES = {
    Service.Aggregation.MAX: query_sql.GREATEST,
    Service.Aggregation.LATEST: query_sql.NEWEST,
    Service.Aggregation.UNIQUE_COUNT: query_sql.UNIQUE,
}
ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked. ``first`` is the first moment and ``end`` the first after; None: without.

    Raises BadFilter when it is run.
    """

    service: Service
    owners: Sequence[UUID]
    first: datetime | None = None
    end: datetime | None = None
    size: Size | None = None
    zone: ZoneInfo = UTC_ZONE
    by_owner: bool = False
    by: Sequence[str] = ()  # dimensions
    filters: Mapping[str, Any] = field(default_factory=dict)  # by dimension: see group_filters.py

    @property
    def is_level(self) -> bool:
        return self.service.aggregation in (LEVEL, PEAK)


class Row(NamedTuple):
    """One figure. ``owner`` is None where all are together."""

    owner: UUID | None
    groups: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    value: Decimal


class _Span(NamedTuple):
    """What is looked at: windows begin at ``starts``, the first of them cut off where it is asked.

    Events count that are before ``before``; a level's windows end at ``end``, which may be now.
    """

    starts: list[datetime]
    end: datetime
    before: datetime
    from_hours: bool

    @property
    def ends(self) -> list[datetime]:
        return [*self.starts[1:], self.end]


class _Found(NamedTuple):
    """Figures, and the first and the last moment of each key's events, or of their hours."""

    figures: list[Figure]
    seen: dict[Key, tuple[datetime, datetime]]


def run(query: Query, *, now: datetime, from_hours: bool = True) -> list[Row]:
    """Return the rows, by window. Raises BadFilter, TooManyWindows and TooManyFigures.

    ``from_hours`` False looks at the events alone, for whoever wants to compare.
    """
    extent = _extent(query, now)
    if extent is None:
        return []
    first, end, before = extent
    bounds = windows.bounds(query.size, first, end, query.zone) if query.size else [first, end]
    starts = [max(first, bounds[0]), *bounds[1:-1]]
    whole = query.size != Size.MINUTE and all(is_whole_hour(one) for one in [*starts, before])
    span = _Span(starts, end, before, from_hours and whole)
    found = _level_figures(query, span) if query.is_level else _figures(query, span)
    if query.size is None:
        return _whole(query, found, span)
    return [
        Row(key.owner, _groups(query, key), bounds[number], bounds[number + 1], value)
        for number, key, value in sorted(found.figures, key=_order)
    ]


def single_quantities(query: Query) -> dict[UUID, list[Decimal]]:
    """Return the quantities of each owner's events between two bounds, by time. Raises BadFilter.

    Those of one moment are in the order of their quantities, so the order is always the same.
    """
    if query.first is None or query.end is None or query.first >= query.end:
        return {}
    pieces, values = _of_events(query, query.first, query.end)
    found: dict[UUID, list[Decimal]] = {}
    for owner, quantity in _execute(query, query_sql.SINGLES, values, pieces=pieces):
        found.setdefault(owner, []).append(quantity)
    return found


def _extent(query: Query, now: datetime) -> tuple[datetime, datetime, datetime] | None:
    """Return from when on and up to when to look, and which events are the first too late.

    A level goes on up to now; but in the hour of now, all events count.
    """
    [(first, last)] = _execute(query, query_sql.EXTENT)
    if first is None:
        return None
    until, before = (now, floor_hour(now) + ONE_HOUR) if query.is_level else (last, last)
    first = max(query.first, first) if query.first else first
    end = min(query.end, until) if query.end else until
    before = min(query.end, before) if query.end else before
    if first >= end:
        return None
    return first.astimezone(UTC), end.astimezone(UTC), before.astimezone(UTC)


def _figures(query: Query, span: _Span) -> _Found:
    figure = FIGURES.get(Service.Aggregation(query.service.aggregation), query_sql.QUANTITY)
    pieces, values = _pieces(query, span, since=span.starts[0])
    values["starts"] = span.starts
    found = _Found([], {})
    for number, owner, names, first, last, value in _execute(
        query, query_sql.FIGURES, values, pieces=pieces, figure=figure
    ):
        key = Key(owner, tuple(names))
        found.figures.append(Figure(number - 1, key, value))
        found.seen[key] = (first, last)
    return found


def _level_figures(query: Query, span: _Span) -> _Found:
    """Return the same of a level or a peak, which depends on all that was before the span."""
    if query.service.aggregation == PEAK:
        moves = _moves(query, span)
        spans: dict[Key, tuple[datetime, datetime]] = {}
        for move in moves:
            spans[move.key] = (spans.get(move.key, (move.at, move.at))[0], move.at)
        return _Found(levels.peaks(moves, span.starts, span.ends), spans)
    pieces, values = _pieces(query, span, since=None)
    values["starts"] = span.starts
    changes, seen = [], dict[Key, tuple[datetime, datetime]]()
    for number, owner, names, first, last, *sums in _execute(
        query, query_sql.FIGURES, values, pieces=pieces, figure=query_sql.LEVEL
    ):
        key = Key(owner, tuple(names))
        changes.append(Change(number - 1, key, *sums))
        seen[key] = (seen.get(key, (first, first))[0], last)
    return _Found(levels.integrals(changes, span.starts, span.ends), seen)


def _moves(query: Query, span: _Span) -> list[Move]:
    alone = query.by_owner or len(query.owners) == 1
    if span.from_hours and alone and not query.by and not query.filters:
        rows = _execute(query, query_sql.HOURLY_MOVES, {"before": span.before})
    else:
        pieces, values = _pieces(query, span, since=None, moves=True)
        rows = _execute(query, query_sql.MOVES, values, pieces=pieces)
    return [Move(Key(owner, tuple(names)), *move) for owner, names, *move in rows]


def _pieces(
    query: Query, span: _Span, *, since: datetime | None, moves: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return the SQL of what there is from a time on, or ever, and its parameters."""
    unique = query.service.aggregation == Service.Aggregation.UNIQUE_COUNT
    hours = query_sql.VALUES if unique else query_sql.HOURS
    if span.from_hours and not moves:
        return hours, {"since": since or BEGINNING, "before": span.before}
    if since is not None:
        return _of_events(query, since, span.before)
    # Of what was before, only sums matter.
    start = floor_hour(span.starts[0])
    events, values = _of_events(query, start, span.before)
    return f"{hours} UNION ALL {events}", values | {"since": BEGINNING, "before": start}


def _of_events(query: Query, since: datetime, before: datetime) -> tuple[str, dict[str, Any]]:
    return _of_spans(query, [(owner, since, before) for owner in query.owners])


def _of_spans(
    query: Query, spans: Sequence[tuple[UUID, datetime, datetime]]
) -> tuple[str, dict[str, Any]]:
    sources = [query_sql.EVENTS]
    if query.service.slug == FILES:
        sources.append(query_sql.FILES)
    owners, sinces, befores = (list(column) for column in zip(*spans, strict=True))
    return " UNION ALL ".join(sources), {
        "span_owners": owners,
        "sinces": sinces,
        "befores": befores,
        "unfinished": settings.METER_UNFINISHED_UPLOADS,
    }


def _execute(
    query: Query,
    sql: str,
    values: Mapping[str, Any] | None = None,
    *,
    pieces: str = "",
    figure: str = "",
) -> list[tuple[Any, ...]]:
    named: dict[str, Any] = {"service": query.service.pk, "owners": list(query.owners)}
    named["quarters"] = zoning.of(query.owners).in_quarters if query.is_level else []
    named |= {f"by_{number}": name for number, name in enumerate(query.by)}
    filters: dict[str, Any] = {}
    conditions = ["true"]
    for number, (name, asked) in enumerate(query.filters.items()):
        named[f"of_{number}"] = name
        conditions.append(condition(_value(f"of_{number}"), of_dimension(asked), filters))
    text = sql.format(
        pieces=pieces,
        figure=figure,
        owner="organisation_id" if query.by_owner else "NULL::uuid",
        groups=f"ARRAY[{', '.join(_value(f'by_{n}') for n in range(len(query.by)))}]::text[]",
        condition=" AND ".join(conditions),
    )
    with connection.cursor() as cursor:
        cursor.execute(text, {**named, **filters, **(values or {})})
        return list(cursor.fetchall())


def _value(parameter: str) -> str:
    """Return the SQL for a dimension's value; what has none has the empty text."""
    return f"coalesce(groups ->> %({parameter})s, '')"


def _whole(query: Query, found: _Found, span: _Span) -> list[Row]:
    """Return rows over the whole span: as asked, or from its first event's minute to its last's."""
    seen = found.seen
    if span.from_hours and (query.first is None or query.end is None):
        seen = seen | _minutes(query, seen)
    rows = []
    for _, key, value in sorted(found.figures, key=_order):
        first, last = seen[key]
        starts_at = query.first or floor_minute(first)
        ends_at = query.end or (span.end if query.is_level else floor_minute(last) + ONE_MINUTE)
        rows.append(Row(key.owner, _groups(query, key), starts_at, ends_at, value))
    return rows


def _minutes(
    query: Query, seen: Mapping[Key, tuple[datetime, datetime]]
) -> dict[Key, tuple[datetime, datetime]]:
    """Look up the first and the last event of each key, in the hours that they are known to be."""
    spans = {
        (owner, hour, hour + ONE_HOUR)
        for key, hours in seen.items()
        for hour in hours
        for owner in ([key.owner] if key.owner else query.owners)
    }
    if not spans:
        return {}
    pieces, values = _of_spans(query, sorted(spans))
    values["starts"] = [BEGINNING]
    rows = _execute(query, query_sql.FIGURES, values, pieces=pieces, figure="count(*)")
    return {Key(owner, tuple(names)): (first, last) for _, owner, names, first, last, _ in rows}


def _order(figure: Figure) -> tuple[int, str, tuple[str, ...]]:
    return figure.number, str(figure.key.owner), figure.key.values


def _groups(query: Query, key: Key) -> dict[str, str]:
    return dict(zip(query.by, key.values, strict=True))
