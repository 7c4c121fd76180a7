"""Months that are over, of many organisations: read where they are kept, and kept where not.

What a level came to depends on where it stood before, so a month is kept as if no level had been,
and what was is added when it is read: see :func:`on_top_of`.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection

from billing.exact import ZERO, exactly
from billing.metering.folding.freshness import folded
from billing.metering.models import Service
from billing.metering.querying.months_sql import ADD_UP_ALL, ADD_UP_THESE, COUNT, KEEP, READ
from billing.metering.querying.usage import Levels, PeriodFigure, spans_of
from billing.periods import Days, Zones, microseconds, month_of
from catacloud.accounts.models import Organisation
from eventstore.store import partition_of

logger = logging.getLogger(__name__)

FEW = 500  # organisations: more that lack a month are added up with all others
MOST = {Service.Aggregation.MAX, Service.Aggregation.PEAK}
AT_A_TIME = 1000  # rows of a transaction, for a long one holds up the feed


class Used(NamedTuple):
    """What a service came to in a month before which no level stood."""

    figure: Decimal
    level: Decimal


Month = Mapping[UUID, Mapping[int, Used]]
"""What organisations used of services in a month: of who used nothing, nothing."""
Text = str
"""What one of them used as it is kept: JSON, in which those of many organisations have room."""

_figures = msgspec.json.Decoder(dict[int, tuple[Decimal, Decimal]])


def read_months(
    organisations: Sequence[UUID], months: Iterable[Days], *, now: datetime
) -> dict[Days, Month]:
    """Return whole months of organisations, and keep those that were not kept. Of whom a month is
    not over by ``now``, it is not there.
    """
    found: dict[Days, dict[UUID, Mapping[int, Used]]] = {one: {} for one in months}
    with connection.cursor() as cursor:
        first_days = [one.first for one in found]
        cursor.execute(READ, {"organisations": list(organisations), "months": first_days})
        for owner, first, figures in cursor:
            found[month_of(first)][owner] = used_of(figures)
    for month, known in found.items():
        if lacking := [one for one in organisations if one not in known]:
            known.update(_add_up(month, lacking, now=now))
    return dict(found)


def keep(months: Iterable[Days], *, now: datetime, seconds: float | None = None) -> None:
    """Keep months that many organisations lack, for some time or to the end, the newest first.

    Those of a few are kept as they are read.
    """
    started = time.monotonic()
    each = sorted(months, key=lambda month: month.first, reverse=True)
    count, kept = Organisation.objects.count(), _kept(each)
    for month in each:
        lacking = count - kept.get(month.first, 0)
        if lacking > FEW and (added_up := _add_up(month, None, now=now)):
            logger.info("%s is kept of %d organisations.", month.first, len(added_up))
        if seconds is not None and time.monotonic() - started > seconds:
            return


def read_all(days: Days, *, now: datetime) -> Mapping[UUID, Text]:
    """Return what all organisations used on days that are not kept, which need not be over: in a
    fraction of the time that it takes to look each of them up.
    """
    zones = Organisation.objects.order_by().values_list("time_zone", flat=True).distinct()
    return {owner: figures for owner, _, figures in _read(days, None, list(zones), now)}


def used_of(text: Text) -> Mapping[int, Used]:
    return {service: Used(*each) for service, each in _figures.decode(text).items()}


def on_top_of(
    levels: Levels,
    days: Days,
    used: Month,
    *,
    now: datetime,
    services: Mapping[int, str],
    zones: Zones,
) -> Iterator[PeriodFigure]:
    """Yield what days came to where levels stood before them, as period_figures has it. Pure.

    ``services`` are their aggregations by id, and ``zones`` those of the organisations.
    """

    def lasted(level: Decimal, service: int, owner: UUID) -> Decimal:
        """Return what a level from before adds: to each moment up to now, or to a peak."""
        if services[service] != Service.Aggregation.LEVEL:
            return level
        zone = zones.of(owner)
        start = days.starts_in(zone)
        return level * microseconds(min(days.ends_in(zone), max(now, start)) - start)

    before = {key: level for key, level in levels.items() if level and key[0] in used}
    with exactly():
        for owner, of_services in used.items():
            for service, (figure, level) in of_services.items():
                stood = before.pop((owner, service), ZERO)
                if stood:
                    figure += lasted(stood, service, owner)
                yield PeriodFigure(owner, service, figure, level + stood)
        for (owner, service), stood in before.items():
            yield PeriodFigure(owner, service, lasted(stood, service, owner), stood)


def folded_together(
    each: Iterable[Sequence[PeriodFigure]], *, services: Mapping[int, str]
) -> list[PeriodFigure] | None:
    """Return what days that follow each other came to together, as period_figures has it; None
    where something of them does not follow from what each came to. Pure.
    """
    sums: dict[tuple[UUID, int], PeriodFigure] = {}
    with exactly():
        for row in (row for rows in each for row in rows):
            key, aggregation = (row.organisation_id, row.service_id), services[row.service_id]
            if aggregation == Service.Aggregation.UNIQUE_COUNT:
                return None
            if (before := sums.get(key)) and aggregation != Service.Aggregation.LATEST:
                is_most = aggregation in MOST
                both = before.figure, row.figure
                row = row._replace(figure=max(both) if is_most else sum(both, ZERO))
            sums[key] = row
    return list(sums.values())


def _kept(months: Sequence[Days]) -> dict[date, int]:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"months": [one.first for one in months]})
        return dict(cursor.fetchall())


def _add_up(
    month: Days, organisations: Sequence[UUID] | None, *, now: datetime
) -> dict[UUID, Mapping[int, Used]]:
    """Add up and keep the month of some organisations, or of all, as far as it is over."""
    zones = _over(month, organisations, now)
    if not zones:
        return {}
    seen = folded()  # before usage is read, so that whatever comes meanwhile is noted above it
    rows = _read(month, organisations, zones, now)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), AT_A_TIME):
            owners, names, figures = zip(*rows[start : start + AT_A_TIME], strict=True)
            positions = [seen.get(partition_of(owner), 0) for owner in owners]
            values = {"owners": list(owners), "zones": list(names), "figures": list(figures)}
            cursor.execute(KEEP, values | {"month": month.first, "seen": positions})
    return {owner: used_of(figures) for owner, _, figures in rows}


def _read(
    days: Days, organisations: Sequence[UUID] | None, zones: Sequence[str], now: datetime
) -> list[tuple[UUID, str, Text]]:
    """Return who used what, of the organisations in some time zones, and in which each is."""
    asked = spans_of(days, now, zones) | {"level_owners": [], "level_services": [], "levels": []}
    with connection.cursor() as cursor:
        if organisations is None:
            cursor.execute(ADD_UP_ALL, asked)
        else:
            cursor.execute(ADD_UP_THESE, asked | {"organisations": list(organisations)})
        return list(cursor.fetchall())


def _over(month: Days, organisations: Sequence[UUID] | None, now: datetime) -> list[str]:
    """Return the time zones of organisations in which a month is over."""
    found = Organisation.objects.order_by().values_list("time_zone", flat=True)
    if organisations is not None:
        found = found.filter(pk__in=organisations)
    return [name for name in found.distinct() if month.ends_in(ZoneInfo(name)) <= now]
