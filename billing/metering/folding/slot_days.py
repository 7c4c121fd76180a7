"""Days of services whose figures are no sums, from their hours; and the platform's from those.

Organisations' days are those of their zones, the platform's those of UTC: from the same hours.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing.exact import ZERO, exactly
from billing.metering.folding import slots
from billing.metering.folding.fold import Cell
from billing.metering.folding.pieces import Place
from billing.metering.folding.slots import PEAK, UNIQUE_COUNT, Slot
from billing.metering.models import Service
from billing.periods import IN_UTC, ONE_DAY, Zones, day_of, start_of

Services = Mapping[str, Service]


class Figures(NamedTuple):
    """What a row of a day says; ``high`` is a peak's."""

    quantity: Decimal = ZERO
    event_count: int = 0
    high: Decimal | None = None

    def since(self, before: "Figures") -> "Figures":
        """Return by how much they changed."""
        with exactly():
            return Figures(
                self.quantity - before.quantity,
                self.event_count - before.event_count,
                None if self.high is before.high is None else _or_0(self.high) - _or_0(before.high),
            )

    def plus(self, other: "Figures") -> "Figures":
        with exactly():
            return Figures(
                self.quantity + other.quantity,
                self.event_count + other.event_count,
                None if self.high is other.high is None else _or_0(self.high) + _or_0(other.high),
            )


NOTHING = Figures()
Days = dict[Cell, Figures]


class Before(NamedTuple):
    """Days that are about to change: of organisations, and those of UTC as they stand."""

    days: set[Cell]
    in_utc: Days


def standing(places: Iterable[Place], services: Services, zones: Zones) -> Before:
    """Return the days that slots lie in."""
    cells, in_utc = set(), set()
    for owner, service, starts_at in places:
        cells.add(Cell(owner, service, day_of(starts_at, zones.of(owner))))
        in_utc.add(Cell(owner, service, day_of(starts_at)))
    elsewhere = {cell for cell in in_utc if cell.organisation_id in zones.named}
    found = dict.fromkeys(in_utc, NOTHING) | from_hours(elsewhere, services)
    for cell, row in _of_cells(STANDING, in_utc - elsewhere, services, IN_UTC):
        found[cell] = Figures(*row)
    return Before(cells, found)


def settle(before: Before, services: Services, zones: Zones, *, partition: int) -> None:
    """Write days anew from their hours, and add to the platform's by how much they changed."""
    days = write(before.days, services, zones)
    elsewhere = {cell for cell in before.in_utc if cell.organisation_id in zones.named}
    after = {**{cell: days.get(cell, NOTHING) for cell in before.in_utc.keys() - elsewhere}}
    after |= dict.fromkeys(elsewhere, NOTHING) | from_hours(elsewhere, services)
    totals: defaultdict[tuple[int, date], Figures] = defaultdict(Figures)
    for cell in sorted(after):
        place = services[cell.service].pk, cell.day
        totals[place] = totals[place].plus(after[cell].since(before.in_utc[cell]))
    places = [(partition, *place) for place in sorted(totals)]
    with connection.cursor() as cursor:
        cursor.execute(ADD_TOTALS, _columns((*place, *totals[place[1:]]) for place in places))
        cursor.execute(DELETE_TOTALS, _columns(places))


def write(cells: Collection[Cell], services: Services, zones: Zones) -> Days:
    """Write days of organisations anew from their hours; return what they come to."""
    days = from_hours(cells, services, zones)
    gone = [cell for cell in cells if cell not in days]
    with connection.cursor() as cursor:
        if days:
            rows = ((*_key(cell, services), *days[cell]) for cell in sorted(days))
            cursor.execute(WRITE_DAYS, _columns(rows))
        if gone:
            cursor.execute(DELETE_DAYS, _columns(_key(cell, services) for cell in sorted(gone)))
    return days


def from_hours(cells: Collection[Cell], services: Services, zones: Zones = IN_UTC) -> Days:
    """Return what days of the organisations' zones come to by their hours, where they have any."""
    by_kind: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_kind[services[cell.service].aggregation].append(cell)
    peaks, unique = by_kind.pop(PEAK, []), by_kind.pop(UNIQUE_COUNT, [])
    found = {cell: Figures(*row) for cell, row in _of_cells(VALUES, unique, services, zones)}
    for cell, read in _hours(PEAK_HOURS, peaks, services, zones).items():
        starts = read[0][0] == start_of(cell.day, zones.of(cell.organisation_id))
        day = slots.follow((slot for _, slot in read), from_its_start=starts)
        found[cell] = Figures(day.quantity, day.event_count, day.high)
    others = [cell for some in by_kind.values() for cell in some]
    for cell, read in _hours(HOURS, others, services, zones).items():
        day = slots.combine(services[cell.service].aggregation, [slot for _, slot in read])
        found[cell] = Figures(day.quantity, day.event_count)
    return found


def _hours(
    sql: str, cells: Collection[Cell], services: Services, zones: Zones
) -> dict[Cell, list[tuple[datetime, Slot]]]:
    found: defaultdict[Cell, list[tuple[datetime, Slot]]] = defaultdict(list)
    for cell, (hour, *slot) in _of_cells(sql, cells, services, zones):
        found[cell].append((hour, Slot(*slot)))
    return dict(found)


def _of_cells(
    sql: str, cells: Collection[Cell], services: Services, zones: Zones
) -> Iterable[tuple[Cell, tuple[Any, ...]]]:
    if not cells:
        return []
    asked = sorted(cells)
    with connection.cursor() as cursor:
        cursor.execute(
            CELLS + sql,
            _columns(
                (number, *_key(cell, services), *_bounds(cell, zones))
                for number, cell in enumerate(asked)
            ),
        )
        return [(asked[number], tuple(row)) for number, *row in cursor]


def _key(cell: Cell, services: Services) -> tuple[Any, ...]:
    return cell.organisation_id, services[cell.service].pk, cell.day


def _bounds(cell: Cell, zones: Zones) -> tuple[datetime, datetime]:
    zone = zones.of(cell.organisation_id)
    return start_of(cell.day, zone), start_of(cell.day + ONE_DAY, zone)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _or_0(number: Decimal | None) -> Decimal:
    return ZERO if number is None else number


CELLS = """
WITH cell AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::uuid[], %s::bigint[], %s::date[], %s::timestamptz[], %s::timestamptz[]
    ) AS cell (number, owner, service, day, starts_at, ends_at)
)
"""
STANDING = """
SELECT number, quantity, event_count, high
FROM cell JOIN billing_dailyusage AS usage
    ON organisation_id = owner AND service_id = service AND usage.day = cell.day
"""
_IN_CELL = """ON organisation_id = owner AND service_id = service
    AND hour >= starts_at AND hour < ends_at"""
HOURS = f"""
SELECT number, hour, quantity, event_count, last_at FROM cell JOIN billing_hourlyusage {_IN_CELL}
"""  # noqa: S608 (constants only)
PEAK_HOURS = f"""
SELECT number, hour, quantity, event_count, last_at, high
FROM cell JOIN billing_peakhour {_IN_CELL} ORDER BY number, hour
"""  # noqa: S608 (constants only)
VALUES = f"""
SELECT number,
    (SELECT count(DISTINCT value)::numeric FROM billing_uniquevalue WHERE organisation_id = owner
        AND service_id = service AND hour >= starts_at AND hour < ends_at),
    sum(event_count)::bigint
FROM cell JOIN billing_hourlyusage {_IN_CELL}
GROUP BY number, owner, service, starts_at, ends_at
"""  # noqa: S608 (constants only)
WRITE_DAYS = """
INSERT INTO billing_dailyusage AS usage
    (organisation_id, service_id, day, quantity, area, event_count, high)
SELECT owner, service, day, quantity, 0, event_count, high FROM unnest(
    %s::uuid[], %s::bigint[], %s::date[], %s::numeric[], %s::bigint[], %s::numeric[]
) AS cell (owner, service, day, quantity, event_count, high)
ON CONFLICT (organisation_id, service_id, day) DO UPDATE SET
    quantity = excluded.quantity, event_count = excluded.event_count, high = excluded.high
"""
DELETE_DAYS = """
DELETE FROM billing_dailyusage AS usage
USING unnest(%s::uuid[], %s::bigint[], %s::date[]) AS cell (owner, service, day)
WHERE organisation_id = owner AND service_id = service AND usage.day = cell.day
"""
ADD_TOTALS = """
INSERT INTO billing_platformusage AS usage
    (partition, service_id, day, quantity, area, event_count, high)
SELECT partition, service, day, quantity, 0, event_count, high FROM unnest(
    %s::smallint[], %s::bigint[], %s::date[], %s::numeric[], %s::bigint[], %s::numeric[]
) AS total (partition, service, day, quantity, event_count, high)
ON CONFLICT (service_id, day, partition) DO UPDATE SET
    quantity = usage.quantity + excluded.quantity,
    event_count = usage.event_count + excluded.event_count,
    high = usage.high + excluded.high
"""
DELETE_TOTALS = """
DELETE FROM billing_platformusage AS usage
USING unnest(%s::smallint[], %s::bigint[], %s::date[]) AS total (partition, service, day)
WHERE usage.partition = total.partition AND service_id = service AND usage.day = total.day
    AND event_count = 0
"""
