"""What services read from the usage events of a window: added up by hour, in SQL.

An event counts for every service whose definition, of the event's own time, has its type; unless
its quantity cannot be read (``billing_quantity``), or it was taken back. The statements are made in
hours_sql.py.

Services whose figures are sums are read here. What was taken back is read too, and adds nothing:
so which values of dimensions came first does not depend on when an event was taken back.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.sql import SQL, Literal

from billing.metering.backlog import IN_BACKLOG, SHARED_LOCK
from billing.metering.folding import hours_sql
from billing.metering.folding.fold import Hour, Sums
from billing.metering.folding.hours_sql import Counted
from billing.metering.folding.uncounted import Uncounted, place_of
from billing.metering.restored import AS_READ, RESTORED
from billing.periods import IN_UTC, Zones
from eventstore import store
from eventstore.cursors import binary_cursor
from eventstore.events import Event, name_of
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


class Read(NamedTuple):
    """What some events add up to, and how many of them do not count."""

    readings: list[Reading]
    uncounted: Uncounted


class About(NamedTuple):
    """What there is to find out before a window's usage is read.

    Whether any of its events is usage, counted or not, and whether any is of other types; whether
    any event at all was taken back; and whether any organisation has days of its own.
    """

    has_usage: bool
    has_others: bool
    some_are_void: bool
    some_have_zones: bool


def about(window: Window, *, others: Sequence[type[Event]]) -> About:
    """Find it out; ``others`` are the types besides usage.

    From here on, until the transaction ends, there are no new definitions, no table is read as a
    whole where an index can be read, and nothing is sorted where it can be hashed.
    """
    # Written out, as in eventstore's READ_TYPES: a plan for any types could use no index of these.
    types = Literal([name_of(one) for one in others])
    statement = SQL(ABOUT).format(others=types, lock=SQL(SHARED_LOCK))
    with binary_cursor() as cursor:  # which plans a statement once: that takes most of its time
        cursor.execute(statement, window.bounds)
        [row] = cursor.fetchall()
        return About(*row)


def of_window(window: Window, zones: Zones = IN_UTC, *, some_are_void: bool = True) -> Read:
    """Add up what was read from a window's events; in less time where nothing was taken back."""
    which = WINDOW_EVENTS if some_are_void else WINDOW_EVENTS_AS_SENT
    return _read(which, window.bounds, zones, partition=window.partition)


def of_events(keys: Named, *, before: Window, zones: Zones = IN_UTC) -> Read:
    """Add up what was read from single events before a window of theirs, taken back or not."""
    return _read(NAMED_EVENTS, named(keys, before=before), zones, partition=before.partition)


def of_organisation(organisation_id: UUID, *, until: int, zones: Zones) -> Read:
    """Add up what was read from all events of an organisation up to a position."""
    asked = {"tenant": organisation_id, "until": until}
    partition = store.partition_of(organisation_id)
    return _read(ORGANISATION_EVENTS, asked, zones, partition=partition)


def named(keys: Named, *, before: Window) -> dict[str, Any]:
    """Return the values of ``NAMED_EVENTS``."""
    tenants, streams, events = (list(column) for column in zip(*keys, strict=True))
    return {"tenants": tenants, "streams": streams, "events": events, "up_to": before.after}


def _read(which: str, values: Mapping[str, Any], zones: Zones, *, partition: int) -> Read:
    found = Read([], Counter())
    counted, elsewhere = _counted(partition)
    slugs = {one.definition: one.slug for one in counted}
    with binary_cursor() as cursor:  # planned once for all windows: no statistics know the newest
        for sql, own in hours_sql.statements(
            counted,
            which,
            elsewhere=elsewhere,
            quarters=zones.in_quarters,
            server=connection.connection.info.server_version,
        ):
            cursor.execute(sql, {**values, **own})
            for tenant, definition, hour, groups, is_read, *sums, first in cursor:
                if is_read:
                    place = Hour(tenant, slugs[definition], hour, groups)
                    found.readings.append(Reading(place, definition, Sums(*sums), first))
                elif count := sums[-1]:
                    found.uncounted[place_of(tenant, slugs.get(definition), hour)] += count
    return found


def _counted(partition: int) -> tuple[list[Counted], list[Counted]]:
    """Return what is counted here, and what is counted elsewhere, for figures that are no sums."""
    with binary_cursor() as cursor:
        cursor.execute(COUNTED, {"partition": partition})
        rows = [(is_sum, Counted(*row)) for is_sum, *row in cursor.fetchall()]
    here, elsewhere = ([one for is_sum, one in rows if is_sum is own] for own in (True, False))
    return here, elsewhere


# In order, for the planner to take the index: it would look for usage in whole tables, for it
# expects some everywhere.
ABOUT = """
SELECT
    EXISTS (
        SELECT FROM (
            SELECT FROM eventstore_storedevent
            WHERE (partition, position) > (%(partition)s, %(after)s)
                AND (partition, position) <= (%(partition)s, %(until)s) AND type = 'usage.recorded'
            ORDER BY partition, position LIMIT 1
        ) AS usage
    ),
    EXISTS (
        SELECT FROM (
            SELECT FROM eventstore_storedevent
            WHERE (partition, position) > (%(partition)s, %(after)s)
                AND (partition, position) <= (%(partition)s, %(until)s)
                AND type = ANY({others}::text[])
            ORDER BY partition, position LIMIT 1
        ) AS others
    ),
    EXISTS (SELECT FROM billing_voidedevent),
    EXISTS (SELECT FROM accounts_organisation WHERE time_zone <> 'UTC')
FROM {lock}, set_config('enable_seqscan', 'off', true) AS whole_tables,
    set_config('enable_sort', 'off', true) AS sorting
"""
# Of a range of rows the planner expects a third of all events, which of millions are whole tables,
# and more groups than there are, for which it would sort. ABOUT bars both ways: to ask in order, as
# there, took a quarter more of the saga's time. With ``partition = …`` beside the range, the index
# is read from the partition's first event on.
WINDOW = """(
    SELECT * FROM eventstore_storedevent
    WHERE (partition, position) > (%(partition)s, %(after)s)
        AND (partition, position) <= (%(partition)s, %(until)s)
) AS stored"""
# As long as nothing at all was taken back.
WINDOW_EVENTS_AS_SENT = f"""(
    SELECT stored.*, false AS is_void FROM {WINDOW}
) AS event"""  # noqa: S608 (constants only)
WINDOW_EVENTS = f"""(
    SELECT stored.*, voided.event_id IS NOT NULL AS is_void
    FROM {WINDOW}
    LEFT JOIN billing_voidedevent AS voided ON voided.organisation_id = stored.tenant_id
        AND voided.stream_id = stored.stream_id AND voided.event_id = stored.event_id
) AS event"""  # noqa: S608 (constants only)
NOT_SKIPPED = """NOT EXISTS (
    SELECT FROM eventstore_deadletter AS skipped
    WHERE skipped.consumer = 'metrics' AND skipped.position = stored.position
)"""
NAMED_EVENTS = f"""(
    SELECT {AS_READ}, false AS is_void
    FROM unnest(%(tenants)s::uuid[], %(streams)s::uuid[], %(events)s::uuid[])
        AS named (tenant, stream, id)
    JOIN eventstore_storedevent AS stored ON stored.tenant_id = tenant
        AND stored.stream_id = stream AND stored.event_id = id AND stored.position <= %(up_to)s
        AND {NOT_SKIPPED}
    LEFT JOIN {RESTORED}
) AS event"""  # noqa: S608 (constants only)
# What counts: neither taken back, nor skipped by an operator.
STAND = f"""NOT EXISTS (
    SELECT FROM billing_voidedevent AS voided
    WHERE voided.organisation_id = stored.tenant_id
        AND voided.stream_id = stored.stream_id AND voided.event_id = stored.event_id
) AND {NOT_SKIPPED}"""
ORGANISATION_EVENTS = f"""(
    SELECT {AS_READ}, false AS is_void
    FROM eventstore_storedevent AS stored LEFT JOIN {RESTORED}
    WHERE stored.tenant_id = %(tenant)s AND stored.type = 'usage.recorded'
        AND stored.position <= %(until)s AND {STAND}
) AS event"""  # noqa: S608 (constants only)
COUNTED_BY = f"""counting ON counting.event_type = event.data ->> 'type'
    AND event.occurred_at >= counting.starts_at AND event.occurred_at < counting.ends_at
    AND NOT {IN_BACKLOG}"""
GROUPS_OF_EVENT = """CASE WHEN counting.dimensions IS NULL THEN '{}'
    ELSE billing_groups(event.data -> 'data', counting.dimensions) END"""

COUNTED = """
SELECT coalesce(aggregation IN ('sum', 'count', 'level'), false), slug, counting.definition_id,
    event_type, starts_at, nullif(ends_at, 'infinity'), keys, is_level, is_count, may_be_negative,
    dimensions::text, coalesce(backlog.until, 0)
FROM billing_counting AS counting LEFT JOIN billing_backlog AS backlog
    ON backlog.definition_id = counting.definition_id AND backlog.partition = %(partition)s
ORDER BY counting.definition_id, event_type
"""
