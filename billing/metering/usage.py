"""Read the daily tables: figures per day, and over a span of days, exact to the last unit.

A counter's figure is a sum of quantities. A level's figure is its integral in quantity ×
microseconds; where the span is not over yet, up to ``now`` (a level lasts until it changes). Divide
by the service's ``unit_size`` to show or price it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from billing.exact import exactly
from billing.metering.models import Service
from billing.periods import DAY_MICROSECONDS, ONE_DAY, Days, microseconds, start_of


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One day of one organisation, or of the platform (no organisation)."""

    organisation_id: UUID | None
    day: date
    figure: Decimal
    level: Decimal  # of a level: where it stood at the day's end, or stands now


@dataclass(frozen=True, slots=True)
class PeriodFigure:
    """One organisation's use of one service over a span of days."""

    organisation_id: UUID
    service_id: int
    figure: Decimal
    level: Decimal  # of a level: where it stood at the end, or stands now


# The level at the start of a day is all that changed before it. %(owner)s is the organisation, or
# NULL to add all of them up.
DAILY = """
WITH opening AS (
    SELECT {owner} AS owner, sum(quantity) AS level FROM billing_dailyusage
    WHERE service_id = %(service)s AND day < %(first)s {only} GROUP BY 1
), used AS (
    SELECT {owner} AS owner, day, sum(quantity) AS quantity, sum(area) AS area
    FROM billing_dailyusage
    WHERE service_id = %(service)s AND day >= %(first)s AND day < %(end)s {only} GROUP BY 1, 2
), grid AS (
    SELECT owner, day::date FROM (SELECT owner FROM opening UNION SELECT owner FROM used) AS owners
    CROSS JOIN generate_series(%(first)s, %(last)s, interval '1 day') AS day
)
SELECT grid.owner, grid.day, coalesce(used.quantity, 0), coalesce(used.area, 0),
    coalesce(opening.level, 0) + coalesce(sum(used.quantity) OVER earlier, 0)
FROM grid
LEFT JOIN opening ON opening.owner IS NOT DISTINCT FROM grid.owner
LEFT JOIN used ON used.owner IS NOT DISTINCT FROM grid.owner AND used.day = grid.day
WINDOW earlier AS (
    PARTITION BY grid.owner ORDER BY grid.day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
)
ORDER BY grid.owner, grid.day
"""

# A change Δ at t adds Δ × (until − t) to the integral; a row knows Σ Δ × (end of its day − t).
PERIOD = """
SELECT usage.organisation_id, usage.service_id, service.aggregation = 'level',
    coalesce(sum(usage.quantity) FILTER (WHERE usage.day >= %(first)s), 0),
    sum(usage.quantity),
    sum(CASE WHEN usage.day < %(first)s THEN usage.quantity * %(span)s
        ELSE usage.area + usage.quantity * (%(span)s - (usage.day + 1 - %(first)s) * {day}) END)
FROM billing_dailyusage AS usage JOIN billing_service AS service ON service.id = usage.service_id
WHERE usage.day < %(end)s {only}
GROUP BY 1, 2, 3
""".replace("{day}", str(DAY_MICROSECONDS))

ONLY = "AND organisation_id = ANY(%(organisations)s)"


def daily_figures(
    *, service: Service, days: Days, now: datetime, organisations: Sequence[UUID]
) -> list[DayFigure]:
    """Return a row for every day up to today and organisation that ever used the service."""
    sql = DAILY.format(owner="organisation_id", only=ONLY)
    return _daily(sql, service=service, days=days, now=now, organisations=list(organisations))


def daily_totals(*, service: Service, days: Days, now: datetime) -> list[DayFigure]:
    """Return a row for every day up to today: all organisations together."""
    sql = DAILY.format(owner="NULL::uuid", only="")
    return _daily(sql, service=service, days=days, now=now, organisations=[])


def period_figures(
    *, days: Days, now: datetime, organisations: Sequence[UUID] | None = None
) -> list[PeriodFigure]:
    """Return a row for every organisation and service with any usage up to the span's end."""
    span = microseconds(min(days.ends_at, max(now, days.starts_at)) - days.starts_at)
    sql = PERIOD.format(only="" if organisations is None else ONLY)
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {
                "first": days.first,
                # Days that are still to come have not counted yet.
                "end": min(days.end, _today(now) + ONE_DAY),
                "span": span,
                "organisations": list(organisations or []),
            },
        )
        return [
            PeriodFigure(organisation, service, integral if is_level else used, level)
            for organisation, service, is_level, used, level, integral in cursor.fetchall()
        ]


def _daily(
    sql: str, *, service: Service, days: Days, now: datetime, organisations: list[UUID]
) -> list[DayFigure]:
    last = min(days.last, _today(now))
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {
                "service": service.pk,
                "first": days.first,
                "last": last,
                "end": last + ONE_DAY,
                "organisations": organisations,
            },
        )
        rows = cursor.fetchall()
    is_level = service.aggregation == Service.Aggregation.LEVEL
    with exactly():
        return [
            DayFigure(
                organisation_id=owner,
                day=day,
                figure=_integral(day, start, quantity, area, now) if is_level else quantity,
                level=start + quantity,
            )
            for owner, day, quantity, area, start in rows
        ]


def _today(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _integral(
    day: date, start: Decimal, quantity: Decimal, area: Decimal, now: datetime
) -> Decimal:
    """Return a level's integral over the day, or over what of it has passed at ``now``."""
    to_come = max(0, DAY_MICROSECONDS - microseconds(now - start_of(day)))
    return start * (DAY_MICROSECONDS - to_come) + area - quantity * to_come
