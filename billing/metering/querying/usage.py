"""Read the daily tables: figures per day, and over a span of days, exact to the last unit.

What a day comes to, a span comes to as well:

- a sum or a count: the quantities added up;
- a max: the greatest of them; a latest: that of the newest event; 0 where there was none;
- a unique count: how many values there were, each once, on however many days;
- a level: its integral in quantity × microseconds; where the span is not over yet, up to ``now`` (a
  level lasts until it changes);
- a peak: the highest that the level stood at, from where the span found it on.

Days are those of each organisation's time zone. The platform's are those of UTC, and its figure is
the sum of all organisations' figures. Divide a figure by the service's ``unit_size`` to show or
price it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import QuerySet

from billing.exact import ZERO, exactly
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying.period_sql import (
    LEVELS_BEFORE,
    OF_ALL,
    OF_KNOWN,
    OF_SOME,
    ONLY,
    PERIOD,
)
from billing.periods import IN_UTC, ONE_DAY, Days, Zones, day_of, microseconds, start_of
from billing.together import Raw, Reading, read
from catacloud.accounts.models import Organisation


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One day of one organisation, or of the platform (no organisation)."""

    organisation_id: UUID | None
    day: date
    figure: Decimal
    level: Decimal  # of a level or a peak: where it stood at the day's end, or stands now


class PeriodFigure(NamedTuple):
    """One organisation's use of one service over a span of days."""

    organisation_id: UUID
    service_id: int
    figure: Decimal
    level: Decimal  # of a level or a peak: where it stood at the end, or stands now; else 0


PERIOD_COLUMNS = (
    models.UUIDField(),
    models.BigIntegerField(),
    models.DecimalField(),
    models.DecimalField(),
)

Levels = Mapping[tuple[UUID, int], Decimal]
"""Where an organisation's level of a service stood before a day."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the reader knows of organisations already, and spares asking for: their zones, and the
    level of the service before the first day.
    """

    zones: Zones
    openings: Mapping[UUID, Decimal]


class _Day(NamedTuple):
    """A row of ``DAILY``; ``start`` is the level at the day's start."""

    owner: UUID | None
    day: date
    quantity: Decimal
    area: Decimal
    high: Decimal
    start: Decimal


# The level at the start of a day is all that changed before it. Each is asked for by themselves,
# up to a last day, for it is not the same day everywhere; NULL stands for all together.
DAILY = """
WITH asked AS (
    SELECT * FROM unnest(%(owners)s::uuid[], %(lasts)s::date[]) AS asked (owner, last)
), opening AS (
    {opening}
), used AS (
    SELECT owner, day, sum(quantity) AS quantity, sum(area) AS area, sum(high) AS high
    FROM asked JOIN {table} ON {same}
    WHERE service_id = %(service)s AND day >= %(first)s AND day <= last GROUP BY 1, 2
), grid AS (
    SELECT asked.owner, day::date
    FROM (SELECT owner FROM opening UNION SELECT owner FROM used) AS owners
    JOIN asked ON asked.owner IS NOT DISTINCT FROM owners.owner
    CROSS JOIN generate_series(%(first)s, asked.last, interval '1 day') AS day
)
SELECT grid.owner, grid.day, coalesce(used.quantity, 0), coalesce(used.area, 0),
    coalesce(used.high, 0),
    coalesce(opening.level, 0) + coalesce(sum(used.quantity) OVER earlier, 0)
FROM grid
LEFT JOIN opening ON opening.owner IS NOT DISTINCT FROM grid.owner
LEFT JOIN used ON used.owner IS NOT DISTINCT FROM grid.owner AND used.day = grid.day
WINDOW earlier AS (
    PARTITION BY grid.owner ORDER BY grid.day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
)
ORDER BY grid.owner, grid.day
"""
OPENING = """
    SELECT owner, sum(quantity) AS level FROM asked JOIN {table} ON {same}
    WHERE service_id = %(service)s AND day < %(first)s GROUP BY 1
"""
KNOWN_OPENING = """
    SELECT * FROM unnest(%(owners)s::uuid[], %(openings)s::numeric[]) AS known (owner, level)
"""


def daily_figures(
    *,
    service: Service,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID],
    known: Known | None = None,
) -> list[DayFigure]:
    """Return a row for every day up to today and organisation that ever used the service."""
    zones = known.zones if known else zoning.of(organisations)
    return _daily(
        ("billing_dailyusage", "organisation_id = owner"),
        service=service,
        days=days,
        now=now,
        owners=organisations,
        zones=zones,
        openings=[known.openings.get(one, ZERO) for one in organisations] if known else None,
    )


def daily_totals(
    *, service: Service, days: Days, now: datetime, opening: Decimal | None = None
) -> list[DayFigure]:
    """Return a row for every day up to today: all organisations together, on days of UTC.

    Who knows the level before the first day spares reading all that changed it.
    """
    return _daily(
        ("billing_platformusage", "true"),
        service=service,
        days=days,
        now=now,
        owners=[None],
        zones=IN_UTC,
        openings=None if opening is None else [opening],
    )


def period_figures(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None = None,
    levels: Levels | None = None,
) -> list[PeriodFigure]:
    """Return a row for every organisation and service with usage in the span, or a level before.

    Who knows these levels, of some organisations, spares reading all that changed them.
    """
    return read(reading_figures(days=days, now=now, organisations=organisations, levels=levels))


def reading_figures(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None = None,
    levels: Levels | None = None,
) -> Reading[list[PeriodFigure]]:
    """Read what :func:`period_figures` returns, in two rounds."""
    of_some = organisations is not None
    rows = OF_ALL if not of_some else OF_SOME if levels is None else OF_KNOWN
    sql = PERIOD.format(rows=rows, only=ONLY if of_some else "")
    [zones] = yield [_zones_of(organisations)]
    asked = _spans(days, now, [name for (name,) in zones]) | _known(levels or {})
    asked["organisations"] = list(organisations or [])
    [found] = yield [Raw(sql, asked, PERIOD_COLUMNS)]
    return [
        PeriodFigure(organisation, service, Decimal(figure), level)
        for organisation, service, figure, level in found
    ]


def levels_before(
    *, earlier: date, later: date, organisations: Sequence[UUID]
) -> tuple[Levels, Levels]:
    """Return where levels stood before each of two days, reading what changed them once."""
    asked: dict[str, Any] = {"earlier": earlier, "later": later}
    with connection.cursor() as cursor:
        cursor.execute(LEVELS_BEFORE, asked | {"organisations": list(organisations)})
        rows = cursor.fetchall()
    first: Levels = {(row[0], row[1]): row[2] for row in rows if row[2] is not None}
    return first, {(row[0], row[1]): row[3] for row in rows}


def _known(levels: Levels) -> dict[str, Any]:
    return {
        "level_owners": [owner for owner, _ in levels],
        "level_services": [service for _, service in levels],
        "levels": list(levels.values()),
    }


def _zones_of(organisations: Sequence[UUID] | None) -> "QuerySet[Organisation, tuple[str]]":
    found = Organisation.objects.order_by("time_zone").values_list("time_zone")
    if organisations is not None:
        found = found.filter(pk__in=organisations)
    return found.distinct()


def _spans(days: Days, now: datetime, names: Sequence[str]) -> dict[str, Any]:
    """Return what the days are in each zone: Python's rules of zones are the saga's."""
    zones = {name: ZoneInfo(name) for name in names}
    starts = {name: days.starts_in(zone) for name, zone in zones.items()}
    # Days that are still to come have not counted yet.
    ends = [min(days.end, day_of(now, zone) + ONE_DAY) for zone in zones.values()]
    each = [(name, day) for name in zones for day in days]
    return {
        "first": days.first,
        "last_end": days.end,
        "zones": list(zones),
        "ends": ends,
        "spans": [
            microseconds(min(days.ends_in(zone), max(now, starts[name])) - starts[name])
            for name, zone in zones.items()
        ],
        "starts_at": list(starts.values()),
        "ends_at": [start_of(end, zone) for end, zone in zip(ends, zones.values(), strict=True)],
        "day_zones": [name for name, _ in each],
        "days": [day for _, day in each],
        "day_ends": [
            microseconds(start_of(day + ONE_DAY, zones[name]) - starts[name]) for name, day in each
        ],
    }


def _daily(
    rows_of: tuple[str, str],
    *,
    service: Service,
    days: Days,
    now: datetime,
    owners: Sequence[UUID | None],
    zones: Zones,
    openings: Sequence[Decimal] | None,
) -> list[DayFigure]:
    table, same = rows_of
    opening = OPENING.format(table=table, same=same) if openings is None else KNOWN_OPENING
    sql = DAILY.format(table=table, same=same, opening=opening)

    def zone(owner: UUID | None) -> tzinfo:
        return zones.of(owner) if owner else UTC

    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {
                "service": service.pk,
                "first": days.first,
                "owners": list(owners),
                "openings": None if openings is None else list(openings),
                "lasts": [min(days.last, day_of(now, zone(owner))) for owner in owners],
            },
        )
        rows = [_Day(*row) for row in cursor.fetchall()]

    def figure(row: _Day) -> Decimal:
        if service.aggregation == Service.Aggregation.LEVEL:
            return _integral(row, now, zone(row.owner))
        if service.aggregation == Service.Aggregation.PEAK:
            return row.start + row.high
        return row.quantity

    with exactly():
        return [
            DayFigure(row.owner, row.day, figure(row), level=row.start + row.quantity)
            for row in rows
        ]


def _integral(row: _Day, now: datetime, zone: tzinfo) -> Decimal:
    """Return a level's integral over the day, or over what of it has passed at ``now``."""
    starts, ends = start_of(row.day, zone), start_of(row.day + ONE_DAY, zone)
    to_come = max(0, microseconds(ends - now))
    return row.start * (microseconds(ends - starts) - to_come) + row.area - row.quantity * to_come
