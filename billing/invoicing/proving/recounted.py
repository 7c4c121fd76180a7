"""What a period comes to by the raw events alone, up to a position: counted anew (recount.py).

It shares nothing with the saga's tables, so it says whether what was invoiced is what was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.invoicing.charging.agreed import Price
from billing.invoicing.charging.parts import Figures, Part
from billing.invoicing.charging.rate import Used
from billing.metering.folding import zoning
from billing.metering.recounting import checking, recount
from billing.metering.recounting.checking import Connection, Slice
from billing.periods import EARLIEST, ONE_DAY, Days
from eventstore import store

# Of every kind of service, as usage.py has it.
FIGURE = """
, own AS (
    SELECT *, occurred_at >= %(starts_at)s AS is_within FROM change
    WHERE service_id = %(service)s AND occurred_at < %(ends_at)s
        AND (%(dimension)s = '' OR CASE WHEN %(value)s <> ''
            THEN coalesce(groups ->> %(dimension)s, '') = %(value)s
            ELSE coalesce(groups ->> %(dimension)s, '') <> ALL(%(others)s) END)
), moved AS (
    SELECT occurred_at, bool_or(is_within) AS is_within,
        sum(sum(quantity)) OVER (ORDER BY occurred_at) AS stands
    FROM own GROUP BY occurred_at
)
SELECT CASE %(aggregation)s
    WHEN 'level' THEN (
        SELECT sum(quantity * (
            extract(epoch FROM %(ends_at)s::timestamptz) * 1000000 - greatest(
                moment, extract(epoch FROM %(starts_at)s::timestamptz) * 1000000
            ))) FROM own
    )
    WHEN 'peak' THEN greatest(
        (SELECT max(stands) FROM moved WHERE is_within),
        CASE WHEN NOT EXISTS (SELECT FROM moved WHERE occurred_at = %(starts_at)s) THEN coalesce((
            SELECT stands FROM moved WHERE NOT is_within ORDER BY occurred_at DESC LIMIT 1
        ), 0) END
    )
    WHEN 'max' THEN (SELECT max(quantity) FROM own WHERE is_within)
    WHEN 'latest' THEN (
        SELECT quantity FROM own WHERE is_within
        ORDER BY occurred_at DESC, quantity DESC LIMIT 1
    )
    WHEN 'unique_count' THEN (SELECT count(DISTINCT own.value) FROM own WHERE is_within)
    ELSE (SELECT sum(quantity) FROM own WHERE is_within)
END, CASE WHEN %(by_event)s THEN (
    SELECT array_agg(quantity ORDER BY occurred_at, quantity) FROM own WHERE is_within
) END
"""
STATEMENT = f"WITH {recount.COUNTED} {FIGURE}"


@dataclass(frozen=True, slots=True)
class Recount:
    """Counts what organisations used of what their prices are for, in place of the tables.

    Those of an invoice's ``owner`` count up to a position, in the days of a time zone; those of
    others in its volume account up to a position each, in days of their own.
    """

    owner: UUID
    until: int
    zone: ZoneInfo
    others: Mapping[str, int] = field(default_factory=dict)  # by the ids of organisations

    def __call__(self, each: Mapping[UUID, Sequence[Price]], *, days: Days, now: datetime) -> Used:
        figures: dict[tuple[UUID, int], Decimal] = {}
        parts: dict[tuple[UUID, Part], Figures] = {}
        zones = zoning.of([owner for owner in each if owner != self.owner])
        with checking.one_snapshot(()) as db:
            for owner, prices in each.items():
                zone = self.zone if owner == self.owner else zones.of(owner)
                span = days.starts_in(zone), days.ends_in(zone)
                until = self.others.get(str(owner), self.until)
                for price in prices:
                    found = _count(db, owner, price.part, span, until)
                    parts[owner, price.part] = found
                    if price.part.is_whole:
                        figures[owner, price.service.pk] = found.figure
        return Used(figures, parts)


def _count(
    db: Connection, owner: UUID, part: Part, span: tuple[datetime, datetime], until: int
) -> Figures:
    starts_at, ends_at = span
    wanted = Slice(
        organisation_id=owner,
        service_id=part.service.pk,
        first=date(EARLIEST, 1, 1),  # what a level stands at has come about since ever
        end=ends_at.date() + ONE_DAY,
    )
    values: dict[str, Any] = {
        **wanted.values,
        "partition": store.partition_of(owner),
        "until": until,
        "organisations": [owner],
        "starts_at": starts_at,
        "ends_at": ends_at,
        "aggregation": part.service.aggregation,
        "dimension": part.dimension,
        "value": part.value,
        "others": list(part.others),
        "by_event": part.by_event,
    }
    row = db.execute(STATEMENT.encode(), values).fetchone()
    figure, events = row if row else (None, None)
    return Figures(Decimal(figure or 0), tuple(events or ()))
