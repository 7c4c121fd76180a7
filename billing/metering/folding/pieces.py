"""What services whose figures are no sums read from usage events, by slot: see slots.py."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from billing.metering.folding import uncounted
from billing.metering.folding.fold import Hour
from billing.metering.folding.hours_sql import SLOT
from billing.metering.folding.readings import (
    COUNTED_BY,
    GROUPS_OF_EVENT,
    NAMED_EVENTS,
    ORGANISATION_EVENTS,
    STAND,
    WINDOW_EVENTS,
    Named,
    named,
)
from billing.metering.folding.slots import Piece
from billing.metering.folding.uncounted import Uncounted
from billing.metering.restored import AS_READ, RESTORED
from billing.periods import IN_UTC, Zones
from eventstore.feed import Window


class Place(NamedTuple):
    """A slot of a service of an organisation, with all its groups."""

    organisation_id: UUID
    service: str
    starts_at: datetime


class Read(NamedTuple):
    """Pieces of events, and how many events of services cannot be read."""

    pieces: list[Piece]
    unread: Uncounted


def of_window(window: Window, zones: Zones = IN_UTC) -> Read:
    """Read a window's events; pieces of what was taken back have no events, but groups."""
    return _read(OF_WINDOW, window.bounds, zones)


def of_events(keys: Named, *, before: Window, zones: Zones = IN_UTC) -> Read:
    """Read single events before a window of theirs, taken back or not."""
    return _read(OF_EVENTS, named(keys, before=before), zones) if keys else Read([], Counter())


def of_slots(places: Collection[Place], *, until: int, zones: Zones = IN_UTC) -> Read:
    """Read all events of slots that came up to a position and were not taken back."""
    if not places:
        return Read([], Counter())
    tenants, slugs, starts = (list(column) for column in zip(*sorted(places), strict=True))
    ends = [start + zones.slot(tenant) for tenant, _, start in sorted(places)]
    asked = {"tenants": tenants, "slugs": slugs, "starts": starts, "ends": ends, "until": until}
    return _read(OF_SLOTS, asked, zones)


def of_organisation(organisation_id: UUID, *, until: int, zones: Zones) -> Read:
    """Read all events of an organisation up to a position that were not taken back."""
    return _read(OF_ORGANISATION, {"tenant": organisation_id, "until": until}, zones)


def _read(sql: str, values: Mapping[str, Any], zones: Zones) -> Read:
    read = Read([], Counter())
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "quarters": zones.in_quarters})
        for tenant, slug, hour, groups, is_read, *piece in cursor:
            one = Piece(Hour(tenant, slug, hour, groups), *piece)
            if is_read:
                read.pieces.append(one)
            elif one.event_count:
                read.unread[uncounted.place_of(tenant, slug, hour)] += one.event_count
    return read


# By the index of usage by time.
SLOT_EVENTS = f"""(
    SELECT {AS_READ}, false AS is_void, slot.slug AS wanted
    FROM unnest(
        %(tenants)s::uuid[], %(slugs)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]
    ) AS slot (tenant, slug, starts_at, ends_at)
    JOIN eventstore_storedevent AS stored ON stored.tenant_id = slot.tenant
        AND stored.occurred_at >= slot.starts_at AND stored.occurred_at < slot.ends_at
        AND stored.type = 'usage.recorded' AND stored.position <= %(until)s
    LEFT JOIN {RESTORED}
    WHERE {STAND}
) AS event"""  # noqa: S608 (constants only)
_PIECES = """
WITH counting AS MATERIALIZED (
    SELECT * FROM billing_counting WHERE aggregation NOT IN ('sum', 'count', 'level')
), reading AS MATERIALIZED (
    SELECT event.tenant_id, event.position, event.occurred_at, event.is_void,
        counting.slug, counting.aggregation,
        counting.definition_id AS definition,
        date_bin({slot}, event.occurred_at, 'epoch') AS hour,
        CASE WHEN counting.aggregation = 'unique_count'
            THEN billing_value(event.data -> 'data' #> counting.keys) END AS value,
        CASE WHEN counting.aggregation <> 'unique_count' THEN
            billing_quantity(event.data -> 'data' #> counting.keys, counting.may_be_negative)
            END AS quantity,
        {groups} AS groups
    FROM {which}
    JOIN {counted_by} {only}
    WHERE event.type = 'usage.recorded'
)
SELECT tenant_id, slug, hour, groups::text, quantity IS NOT NULL OR value IS NOT NULL, definition,
    coalesce(CASE aggregation
        WHEN 'max' THEN max(quantity) FILTER (WHERE NOT is_void)
        WHEN 'latest' THEN (
            array_agg(quantity ORDER BY occurred_at DESC, quantity DESC)
            FILTER (WHERE aggregation = 'latest' AND NOT is_void)
        )[1]
        WHEN 'peak' THEN sum(quantity) FILTER (WHERE NOT is_void)
    END, 0),
    value,
    coalesce(max(occurred_at) FILTER (WHERE NOT is_void), max(occurred_at)),
    count(*) FILTER (WHERE NOT is_void), min(position)
FROM reading
GROUP BY tenant_id, slug, aggregation, hour, groups, quantity IS NOT NULL OR value IS NOT NULL,
    definition, value,
    CASE WHEN aggregation = 'peak' THEN occurred_at END
"""


def _of(which: str, only: str = "") -> str:
    return _PIECES.format(
        which=which, counted_by=COUNTED_BY, groups=GROUPS_OF_EVENT, only=only, slot=SLOT
    )


OF_WINDOW, OF_EVENTS = _of(WINDOW_EVENTS), _of(NAMED_EVENTS)
OF_ORGANISATION = _of(ORGANISATION_EVENTS)
OF_SLOTS = _of(SLOT_EVENTS, "AND counting.slug = event.wanted")
