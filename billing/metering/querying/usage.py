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
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import QuerySet

from billing.exact import ZERO
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying.daily import DayFigure, read_daily
from billing.metering.querying.period_sql import (
    LEVELS_BEFORE,
    OF_ALL,
    OF_KNOWN,
    OF_SOME,
    ONLY,
    PERIOD,
)
from billing.periods import ONE_DAY, Days, Zones, day_of, microseconds, start_of
from billing.prepared import Slot, any_of, prepared
from billing.together import Raw, Reading, read
from catacloud.accounts.models import Organisation


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
    return read_daily(
        service=service,
        days=days,
        now=now,
        owners=organisations,
        zones=zones,
        openings=[known.openings.get(one, ZERO) for one in organisations] if known else None,
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
    zones: Sequence[str] | None = None,
) -> Reading[list[PeriodFigure]]:
    """Read what :func:`period_figures` returns, in two rounds; in one where the names are known of
    the time ``zones`` that these organisations have, or more of them.
    """
    of_some = organisations is not None
    rows = OF_ALL if not of_some else OF_SOME if levels is None else OF_KNOWN
    sql = PERIOD.format(rows=rows, only=ONLY if of_some else "")
    names = (yield from reading_zones(organisations)) if zones is None else zones
    asked = spans_of(days, now, names) | _known(levels or {})
    asked["organisations"] = list(organisations or [])
    # Of one it is the same few rows whatever is asked; a page may read a year's periods of its own.
    is_of_one = organisations is not None and len(organisations) == 1
    [found] = yield [Raw(sql, asked, PERIOD_COLUMNS, is_planned_once=is_of_one)]
    return [
        PeriodFigure(organisation, service, Decimal(figure), level)
        for organisation, service, figure, level in found
    ]


def reading_zones(organisations: Sequence[UUID] | None) -> Reading[list[str]]:
    """Read the names of the time zones that some organisations have, or all."""
    [zones] = yield [_zones() if organisations is None else _zones_of(owners=list(organisations))]
    return [name for (name,) in zones]


def levels_before(
    *, earlier: date, later: date, organisations: Sequence[UUID]
) -> tuple[Levels, Levels]:
    """Return where levels stood before each of two days, reading what changed them once."""
    asked: dict[str, Any] = {"earlier": earlier, "later": later}
    with connection.cursor() as cursor:
        cursor.execute(LEVELS_BEFORE, asked | {"organisations": list(organisations)})
        rows = cursor.fetchall()
    first: Levels = {(row[0], row[1]): row[2] for row in rows if row[2] is not None}
    return first, {(row[0], row[1]): row[3] for row in rows if row[3] is not None}


def _known(levels: Levels) -> dict[str, Any]:
    return {
        "level_owners": [owner for owner, _ in levels],
        "level_services": [service for _, service in levels],
        "levels": list(levels.values()),
    }


@prepared
def _zones() -> "QuerySet[Organisation, tuple[str]]":
    return Organisation.objects.order_by("time_zone").values_list("time_zone").distinct()


@prepared
def _zones_of(owners: Slot) -> "QuerySet[Organisation, tuple[str]]":
    found = Organisation.objects.filter(pk=any_of(owners)).order_by("time_zone")
    return found.values_list("time_zone").distinct()


def spans_of(days: Days, now: datetime, names: Sequence[str]) -> dict[str, Any]:
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
