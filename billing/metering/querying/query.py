"""Ask what a service's usage comes to: by windows of time, organisation and dimensions, exactly.

Of a sum, a count, a max, a latest and a unique count there is a row for each window with usage, of
all organisations that are asked for together unless it is asked for each. A level's value is its
integral in quantity × microseconds, a peak's how high the level stood at most; they have a row for
each window in which the level was not zero, up to ``now``.

Where every bound is on a whole hour, the hours answer, and else the events: with the same answer.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from billing.metering.models import Service
from billing.metering.querying import levels, query_sql, windows
from billing.metering.querying.asked import (
    PEAK,
    Query,
    Span,
    execute,
    of_events,
    of_spans,
    pieces_of,
)
from billing.metering.querying.levels import Change, Figure, Key, Move
from billing.metering.querying.windows import (
    ONE_HOUR,
    Size,
    floor_hour,
    floor_minute,
    is_whole_hour,
)
from billing.metering.services.meters import BEGINNING

FIGURES = {
    Service.Aggregation.MAX: query_sql.GREATEST,
    Service.Aggregation.LATEST: query_sql.NEWEST,
    Service.Aggregation.UNIQUE_COUNT: query_sql.UNIQUE,
}
ONE_MINUTE = timedelta(minutes=1)


class Row(NamedTuple):
    """One figure. ``owner`` is None where all are together."""

    owner: UUID | None
    groups: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    value: Decimal


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
    span = Span(starts, end, before, from_hours and whole)
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
    pieces, values = of_events(query, query.first, query.end)
    found: dict[UUID, list[Decimal]] = {}
    for owner, quantity in execute(query, query_sql.SINGLES, values, pieces=pieces):
        found.setdefault(owner, []).append(quantity)
    return found


def _extent(query: Query, now: datetime) -> tuple[datetime, datetime, datetime] | None:
    """Return from when on and up to when to look, and which events are the first too late.

    A level goes on up to now; but in the hour of now, all events count.
    """
    [(first, last)] = execute(query, query_sql.EXTENT)
    if first is None:
        return None
    until, before = (now, floor_hour(now) + ONE_HOUR) if query.is_level else (last, last)
    first = max(query.first, first) if query.first else first
    end = min(query.end, until) if query.end else until
    before = min(query.end, before) if query.end else before
    if first >= end:
        return None
    return first.astimezone(UTC), end.astimezone(UTC), before.astimezone(UTC)


def _figures(query: Query, span: Span) -> _Found:
    figure = FIGURES.get(Service.Aggregation(query.service.aggregation), query_sql.QUANTITY)
    pieces, values = pieces_of(query, span, since=span.starts[0])
    values["starts"] = span.starts
    found = _Found([], {})
    for number, owner, names, first, last, value in execute(
        query, query_sql.FIGURES, values, pieces=pieces, figure=figure
    ):
        key = Key(owner, tuple(names))
        found.figures.append(Figure(number - 1, key, value))
        found.seen[key] = (first, last)
    return found


def _level_figures(query: Query, span: Span) -> _Found:
    """Return the same of a level or a peak, which depends on all that was before the span."""
    if query.service.aggregation == PEAK:
        moves = _moves(query, span)
        spans: dict[Key, tuple[datetime, datetime]] = {}
        for move in moves:
            spans[move.key] = (spans.get(move.key, (move.at, move.at))[0], move.at)
        return _Found(levels.peaks(moves, span.starts, span.ends), spans)
    pieces, values = pieces_of(query, span, since=None)
    values["starts"] = span.starts
    changes, seen = [], dict[Key, tuple[datetime, datetime]]()
    for number, owner, names, first, last, *sums in execute(
        query, query_sql.FIGURES, values, pieces=pieces, figure=query_sql.LEVEL
    ):
        key = Key(owner, tuple(names))
        changes.append(Change(number - 1, key, *sums))
        seen[key] = (seen.get(key, (first, first))[0], last)
    return _Found(levels.integrals(changes, span.starts, span.ends), seen)


def _moves(query: Query, span: Span) -> list[Move]:
    alone = query.by_owner or len(query.owners) == 1
    if span.from_hours and alone and not query.by and not query.filters:
        rows = execute(query, query_sql.HOURLY_MOVES, {"before": span.before})
    else:
        pieces, values = pieces_of(query, span, since=None, moves=True)
        rows = execute(query, query_sql.MOVES, values, pieces=pieces)
    return [Move(Key(owner, tuple(names)), *move) for owner, names, *move in rows]


def _whole(query: Query, found: _Found, span: Span) -> list[Row]:
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
    pieces, values = of_spans(query, sorted(spans))
    values["starts"] = [BEGINNING]
    rows = execute(query, query_sql.FIGURES, values, pieces=pieces, figure="count(*)")
    return {Key(owner, tuple(names)): (first, last) for _, owner, names, first, last, _ in rows}


def _order(figure: Figure) -> tuple[int, str, tuple[str, ...]]:
    return figure.number, str(figure.key.owner), figure.key.values


def _groups(query: Query, key: Key) -> dict[str, str]:
    return dict(zip(query.by, key.values, strict=True))
