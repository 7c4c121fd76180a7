"""What is asked of a service's usage, and how the database is asked for what there is of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from billing.metering.folding import zoning
from billing.metering.folding.saga import FILES
from billing.metering.models import Service
from billing.metering.querying import query_sql
from billing.metering.querying.group_filters import condition, of_dimension
from billing.metering.querying.windows import Size, floor_hour
from billing.metering.services.meters import BEGINNING

UTC_ZONE = ZoneInfo("UTC")
LEVEL, PEAK = Service.Aggregation.LEVEL, Service.Aggregation.PEAK


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


class Span(NamedTuple):
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


def pieces_of(
    query: Query, span: Span, *, since: datetime | None, moves: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return the SQL of what there is from a time on, or ever, and its parameters."""
    unique = query.service.aggregation == Service.Aggregation.UNIQUE_COUNT
    hours = query_sql.VALUES if unique else query_sql.HOURS
    if span.from_hours and not moves:
        return hours, {"since": since or BEGINNING, "before": span.before}
    if since is not None:
        return of_events(query, since, span.before)
    # Of what was before, only sums matter.
    start = floor_hour(span.starts[0])
    events, values = of_events(query, start, span.before)
    return f"{hours} UNION ALL {events}", values | {"since": BEGINNING, "before": start}


def of_events(query: Query, since: datetime, before: datetime) -> tuple[str, dict[str, Any]]:
    """Return the SQL of all owners' events between two moments, and its parameters."""
    return of_spans(query, [(owner, since, before) for owner in query.owners])


def of_spans(
    query: Query, spans: Sequence[tuple[UUID, datetime, datetime]]
) -> tuple[str, dict[str, Any]]:
    """Return the same of each owner between two moments of its own."""
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


def execute(
    query: Query,
    sql: str,
    values: Mapping[str, Any] | None = None,
    *,
    pieces: str = "",
    figure: str = "",
) -> list[tuple[Any, ...]]:
    """Return the rows of one of the statements of query_sql.py, filled in. Raises BadFilter."""
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
