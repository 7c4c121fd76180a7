"""What services read from the usage events of a window: added up by hour, in SQL.

An event counts for every service whose definition, of the event's own time, has its type; unless
its quantity cannot be read (``billing_quantity``), or it was taken back.

Services whose figures are sums are read here. What was taken back is read too, and adds nothing:
so which values of dimensions came first does not depend on when an event was taken back.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from billing.metering.fold import Hour, Sums
from billing.periods import IN_UTC, Zones
from eventstore.feed import Window

Named = Sequence[tuple[UUID, UUID, UUID]]
"""Single events: the organisation, the stream and the id of each."""


class Reading(NamedTuple):
    """What the events of one hour and group add up to that were read by one definition.

    ``first`` is the position of the first.
    """

    hour: Hour
    definition: int
    sums: Sums
    first: int

    def __neg__(self) -> "Reading":
        return self._replace(sums=-self.sums)


def has_usage(window: Window) -> bool:
    """Say whether any of a window's events is usage, counted or not."""
    within = {"partition": window.partition, "after": window.after, "until": window.until}
    with connection.cursor() as cursor:
        cursor.execute(HAS_USAGE, within)
        return cursor.fetchone() is not None


def of_window(window: Window, zones: Zones = IN_UTC) -> list[Reading]:
    """Add up what was read from a window's events."""
    within = {"partition": window.partition, "after": window.after, "until": window.until}
    return _read(OF_WINDOW, within, zones)


def of_events(keys: Named, *, up_to: int, zones: Zones = IN_UTC) -> list[Reading]:
    """Add up what was read from single events up to a position, taken back or not."""
    return _read(OF_EVENTS, named(keys, up_to=up_to), zones)


def of_organisation(organisation_id: UUID, *, until: int, zones: Zones) -> list[Reading]:
    """Add up what was read from all events of an organisation up to a position."""
    return _read(OF_ORGANISATION, {"tenant": organisation_id, "until": until}, zones)


def named(keys: Named, *, up_to: int) -> dict[str, Any]:
    """Return the values of ``NAMED_EVENTS``."""
    tenants, streams, events = (list(column) for column in zip(*keys, strict=True))
    return {"tenants": tenants, "streams": streams, "events": events, "up_to": up_to}


def _read(sql: str, values: Mapping[str, Any], zones: Zones) -> list[Reading]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "quarters": zones.in_quarters})
        return [
            Reading(Hour(tenant, slug, hour, groups), definition, Sums(*sums), first)
            for tenant, slug, definition, hour, groups, *sums, first in cursor
        ]


# In order, for the planner to take the index: it would look for usage in whole tables, for it
# expects some everywhere.
HAS_USAGE = """
SELECT position FROM eventstore_storedevent
WHERE (partition, position) > (%(partition)s, %(after)s)
    AND (partition, position) <= (%(partition)s, %(until)s) AND type = 'usage.recorded'
ORDER BY partition, position LIMIT 1
"""
WINDOW_EVENTS = """(
    SELECT stored.*, voided.event_id IS NOT NULL AS is_void
    FROM eventstore_storedevent AS stored
    LEFT JOIN billing_voidedevent AS voided ON voided.organisation_id = stored.tenant_id
        AND voided.stream_id = stored.stream_id AND voided.event_id = stored.event_id
    WHERE (stored.partition, stored.position) > (%(partition)s, %(after)s)
        AND (stored.partition, stored.position) <= (%(partition)s, %(until)s)
) AS event"""
NOT_SKIPPED = """NOT EXISTS (
    SELECT FROM eventstore_deadletter AS skipped
    WHERE skipped.consumer = 'metrics' AND skipped.position = stored.position
)"""
NAMED_EVENTS = """(
    SELECT stored.*, false AS is_void
    FROM unnest(%(tenants)s::uuid[], %(streams)s::uuid[], %(events)s::uuid[])
        AS named (tenant, stream, id)
    JOIN eventstore_storedevent AS stored ON stored.tenant_id = tenant
        AND stored.stream_id = stream AND stored.event_id = id AND stored.position <= %(up_to)s
        AND {NOT_SKIPPED}
) AS event""".replace("{NOT_SKIPPED}", NOT_SKIPPED)
# What counts: neither taken back, nor skipped by an operator.
STAND = f"""NOT EXISTS (
    SELECT FROM billing_voidedevent AS voided
    WHERE voided.organisation_id = stored.tenant_id
        AND voided.stream_id = stored.stream_id AND voided.event_id = stored.event_id
) AND {NOT_SKIPPED}"""
ORGANISATION_EVENTS = """(
    SELECT stored.*, false AS is_void FROM eventstore_storedevent AS stored
    WHERE stored.tenant_id = %(tenant)s AND stored.type = 'usage.recorded'
        AND stored.position <= %(until)s AND {STAND}
) AS event""".replace("{STAND}", STAND)
COUNTED_BY = """counting ON counting.event_type = event.data ->> 'type'
    AND event.occurred_at >= counting.starts_at AND event.occurred_at < counting.ends_at"""
GROUPS_OF_EVENT = """CASE WHEN counting.dimensions IS NULL THEN '{}'
    ELSE billing_groups(event.data -> 'data', counting.dimensions) END"""

SLOT = """CASE WHEN event.tenant_id = ANY(%(quarters)s::uuid[]) THEN interval '15 minutes'
    ELSE interval '1 hour' END"""

# Most quantities look so that their cast is safe and their number one that the tables keep: there
# are not more than 12 digits after the point. A function for these would take half of the time.
PLAIN = """CASE WHEN may_be_negative THEN '^-?[0-9]+([.][0-9]+)?$'
    ELSE '^[0-9]+([.][0-9]+)?$' END"""
QUANTITY = """CASE
    WHEN octet_length(written) <= 14 AND written ~ plain THEN written::numeric
    ELSE billing_quantity(data #> path, may_be_negative) END"""

# Microseconds to the hour's end: extract() gives an exact numeric. OFFSET 0 keeps the planner from
# writing an expression out at each of its uses, and reading as often. A definition's span is no
# condition of the join: the planner would expect so few rows that it sorts them.
_HOURS = """
WITH counting AS MATERIALIZED (
    SELECT *, array_prepend('data', keys) AS path, {plain} AS plain
    FROM billing_counting WHERE aggregation IN ('sum', 'count', 'level')
)
SELECT tenant_id, slug, definition_id, hour, coalesce(groups::text, '{{}}'),
    coalesce(sum(quantity) FILTER (WHERE NOT is_void), 0),
    coalesce(sum(
        quantity * extract(epoch FROM hour + slot - occurred_at) * 1000000
    ) FILTER (WHERE is_level AND NOT is_void), 0),
    count(*) FILTER (WHERE NOT is_void), min(position)
FROM (
    SELECT *, date_bin(slot, occurred_at, 'epoch') AS hour, CASE
        WHEN occurred_at < starts_at OR occurred_at >= ends_at THEN NULL
        WHEN is_count THEN 1
        ELSE {quantity} END AS quantity
    FROM (
        SELECT event.tenant_id, event.position, event.occurred_at, event.is_void, event.data,
            counting.slug, counting.definition_id, counting.starts_at, counting.ends_at,
            counting.is_level, counting.is_count, counting.path, counting.plain,
            counting.may_be_negative, {slot} AS slot,
            CASE WHEN NOT counting.is_count THEN event.data #>> counting.path END AS written,
            CASE WHEN counting.dimensions IS NOT NULL THEN
                billing_groups(event.data -> 'data', counting.dimensions) END AS groups
        FROM {which} JOIN counting ON counting.event_type = event.data ->> 'type'
        WHERE event.type = 'usage.recorded' OFFSET 0
    ) AS event OFFSET 0
) AS reading
WHERE quantity IS NOT NULL
GROUP BY tenant_id, slug, definition_id, hour, groups
"""


def _of(which: str) -> str:
    return _HOURS.format(which=which, plain=PLAIN, quantity=QUANTITY, slot=SLOT)


OF_WINDOW, OF_EVENTS = _of(WINDOW_EVENTS), _of(NAMED_EVENTS)
OF_ORGANISATION = _of(ORGANISATION_EVENTS)
