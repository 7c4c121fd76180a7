"""Tamper evidence, for whoever wants it: a chain of digests for each stream.

A trigger gives each new event a link: the SHA-256 of the link before it and of all that is stored
of the event. Whoever changes an event behind the guard's back breaks its stream's chain, and the
check says where. It is no proof against somebody who writes the rest of a chain anew: only a digest
that was kept elsewhere is.

While it is off, the trigger does not exist. A disabled one would have the server collect all new
events for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

STREAMS = 100  # that are locked at a time
EVENTS = 2000  # that are linked at a time
PATIENCE = "10s"  # for transactions that write; all others queue up behind us meanwhile

Watch = Callable[[int, int], object]
"""Told how many events are linked, and out of how many."""

_Key = tuple[UUID, UUID]
_FIRST = (UUID(int=0), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Status:
    on: bool
    linked: int
    events: int


def status() -> Status:
    """Say whether new events are linked, and how many are."""
    with connection.cursor() as cursor:
        cursor.execute(STATUS)
        return Status(*cursor.fetchone())


def turn_on(*, watch: Watch = lambda done, total: None) -> int:
    """Link all new events from now on, and then those that stand already; return how many.

    Writers wait once, until those that are at it have ended. Raises OperationalError where they do
    not. Can be killed at any time: run again, it goes on where it was.
    """
    if not status().on:
        _execute(TRIGGER)  # waits for all open appends: so those that come later are seen by it
    before = status()
    count, place = 0, _FIRST
    while streams := _unlinked_streams(after=place):
        while added := _link(streams):
            count += added
            watch(before.linked + count, max(before.events, before.linked + count))
            if added < EVENTS:
                break
        place = streams[-1]
    return count


def turn_off() -> None:
    """Link no more events; what is linked stays so, and is checked. Waits as turn_on does."""
    _execute("DROP TRIGGER IF EXISTS events_are_linked ON eventstore_storedevent")


def _execute(ddl: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(ddl)


def _unlinked_streams(*, after: _Key) -> list[_Key]:
    with connection.cursor() as cursor:
        cursor.execute(UNLINKED_STREAMS, [*after, STREAMS])
        return [(tenant, stream) for tenant, stream in cursor]


def _link(streams: list[_Key]) -> int:
    """Link the next events of some streams, under their lock; return how many."""
    keys = [[tenant for tenant, _ in streams], [stream for _, stream in streams]]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_STREAMS, keys)
        cursor.execute(LINK_EVENTS, [*keys, EVENTS, EVENTS])  # sees all that the lock waited for
        added: int = cursor.rowcount
        return added


STATUS = """
SELECT EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = 'eventstore_storedevent'::regclass AND tgname = 'events_are_linked'
), (SELECT count(*) FROM eventstore_chainlink), (SELECT count(*) FROM eventstore_storedevent)
"""

TRIGGER = """
CREATE OR REPLACE TRIGGER events_are_linked AFTER INSERT ON eventstore_storedevent
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION eventstore_link_added()
"""

UNLINKED_STREAMS = """
SELECT tenant_id, stream_id FROM eventstore_stream AS stream
WHERE (tenant_id, stream_id) > (%s, %s) AND version > 0 AND NOT EXISTS (
    SELECT FROM eventstore_chainlink AS link
    WHERE link.tenant_id = stream.tenant_id AND link.stream_id = stream.stream_id
        AND link.version = stream.version
)
ORDER BY tenant_id, stream_id LIMIT %s
"""

LOCK_STREAMS = """
SELECT FROM eventstore_stream JOIN unnest(%s::uuid[], %s::uuid[]) AS given (tenant, stream)
    ON tenant_id = tenant AND stream_id = stream
ORDER BY tenant_id, stream_id FOR UPDATE OF eventstore_stream
"""

LINK_EVENTS = """
INSERT INTO eventstore_chainlink (tenant_id, stream_id, version, digest)
SELECT tenant_id, stream_id, version, eventstore_chain(digest, eventstore_content(
    tenant_id, stream_id, version, event_id, type, schema_version, data, metadata,
    occurred_at, recorded_at
)) OVER (PARTITION BY tenant_id, stream_id ORDER BY version)
FROM (
    SELECT event.*, last.digest
    FROM unnest(%s::uuid[], %s::uuid[]) AS given (tenant, stream)
    LEFT JOIN LATERAL (
        SELECT version, digest FROM eventstore_chainlink
        WHERE tenant_id = tenant AND stream_id = stream ORDER BY version DESC LIMIT 1
    ) AS link ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(link.version, 0) AS version, coalesce(link.digest, '') AS digest
    ) AS last
    CROSS JOIN LATERAL (
        SELECT * FROM eventstore_storedevent
        WHERE tenant_id = tenant AND stream_id = stream
            AND eventstore_storedevent.version > last.version
        ORDER BY version LIMIT %s
    ) AS event
    LIMIT %s
) AS unlinked
"""
