"""Append to streams and read them. Stream rows are locked, and events inserted, only here."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Cast
from django.dispatch import Signal

from eventstore import events as codec
from eventstore.events import Event, Metadata, RecordedEvent, StreamKey
from eventstore.models import StoredEvent, Stream

READ_CHUNK = 2000  # rows that a reader holds at a time

appended = Signal()
"""Sent after the commit with ``partitions``, the set of those that got events. Only a hint."""


class StreamConflict(Exception):
    """The stream is not at the version that the writer had seen."""

    def __init__(self, key: StreamKey, *, expected: int, actual: int) -> None:
        super().__init__(
            f"{key.type} {key.stream_id} stands at version {actual}, not {expected}: "
            "load it again and decide anew."
        )
        self.key, self.expected, self.actual = key, expected, actual


class WrongStreamType(Exception):
    """A stream's id is taken by a stream of another type."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to append. One with an id that its stream already has is dropped as a repeat."""

    event: Event
    occurred_at: datetime
    event_id: UUID | None = None


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """What to append to one stream. ``expected`` is its version, 0 for no stream, None for any."""

    key: StreamKey
    events: Sequence[NewEvent]
    expected: int | None = None


def partition_of(tenant_id: UUID) -> int:
    """Return the virtual partition that a tenant's events belong to."""
    return tenant_id.int % settings.EVENTSTORE_PARTITIONS


def append(appends: Iterable[Append], *, metadata: Metadata | None = None) -> int:
    """Append to any number of streams, all or nothing; return how many events were new.

    Writers of one stream queue up; streams are locked in one order, so writers of many cannot
    deadlock. Raises StreamConflict, and WrongStreamType.
    """
    todo = _merge(appends)
    if not todo:
        return 0
    with transaction.atomic():
        versions = lock([a.key for a in todo])
        return append_locked(todo, versions, metadata=metadata)


def lock(keys: Sequence[StreamKey]) -> dict[StreamKey, int]:
    """Lock streams until the transaction ends, creating what is missing; return their versions."""
    ids = [(key.tenant_id, key.stream_id) for key in sorted(keys)]
    locked = (
        Stream.objects.select_for_update().filter(pk__in=ids).order_by("tenant_id", "stream_id")
    )
    # Rows are created before any is locked. A writer that held locks while it waited for another's
    # new row could deadlock with it; one that waits first, and then locks in order, cannot.
    streams = list(locked) if len(ids) == 1 else []
    if not streams:
        _create_missing(sorted(keys))
        streams = list(locked.all())
    found = {(stream.tenant_id, stream.stream_id): stream for stream in streams}
    return {key: _version(key, found[key.tenant_id, key.stream_id]) for key in keys}


def append_locked(
    appends: Sequence[Append], versions: dict[StreamKey, int], *, metadata: Metadata | None
) -> int:
    """Append to streams that this transaction has locked at ``versions``."""
    for item in appends:
        if item.expected is not None and item.expected != versions[item.key]:
            raise StreamConflict(item.key, expected=item.expected, actual=versions[item.key])
    rows = list(_rows(appends, versions, _repeats(appends)))
    if not rows:
        return 0
    _insert(rows, msgspec.json.encode(metadata or Metadata()).decode())
    partitions = {row[0] for row in rows}
    # Robust: the events stand, so whoever fails to hear of them must not fail the writer.
    transaction.on_commit(
        partial(appended.send, sender=StoredEvent, partitions=partitions), robust=True
    )
    return len(rows)


def read_stream(key: StreamKey, *, after_version: int = 0) -> Iterator[RecordedEvent]:
    """Stream the events after a version from the server, oldest first, in bounded memory.

    Raises UnreadableEvent at an event that cannot be decoded, after those before it.
    """
    rows = StoredEvent.objects.filter(
        tenant_id=key.tenant_id, stream_id=key.stream_id, version__gt=after_version
    ).order_by("version")
    return recorded(rows)


def recorded(rows: models.QuerySet[StoredEvent]) -> Iterator[RecordedEvent]:
    """Decode stored rows as they arrive from the server."""
    columns = rows.values_list(
        *("tenant_id", "stream_id", "version", "position", "event_id", "occurred_at"),
        *("recorded_at", "type", "schema_version"),
        Cast("metadata", models.TextField()),
        Cast("data", models.TextField()),
    )
    for row in columns.iterator(chunk_size=READ_CHUNK):
        yield decode_row(row)


def decode_row(row: tuple[Any, ...]) -> RecordedEvent:
    """Make the event of a row (the columns of :func:`recorded`). Raises UnreadableEvent."""
    tenant, stream, version, position, event_id, occurred, at, name, schema, metadata, data = row
    try:
        event = codec.decode(name=name, version=schema, data=data)
    except codec.UnreadableEvent as error:
        raise codec.UnreadableEvent(
            f"Stream {stream}, version {version}, position {position}: {error}"
        ) from error
    return RecordedEvent(
        tenant_id=tenant,
        stream_id=stream,
        version=version,
        position=position,
        event_id=event_id,
        occurred_at=occurred,
        recorded_at=at,
        metadata=msgspec.json.decode(metadata, type=Metadata),
        event=event,
    )


def _merge(appends: Iterable[Append]) -> list[Append]:
    """Return one append a stream, in lock order; several of one stream become one."""
    merged = []
    for key, group in groupby(sorted(appends, key=lambda a: a.key), key=lambda a: a.key):
        parts = list(group)
        events = [event for part in parts for event in part.events]
        if events:
            merged.append(Append(key=key, events=events, expected=parts[0].expected))
    return merged


def _create_missing(keys: Sequence[StreamKey]) -> None:
    ids = [(key.tenant_id, key.stream_id) for key in keys]
    known = set(Stream.objects.filter(pk__in=ids).values_list("tenant_id", "stream_id"))
    Stream.objects.bulk_create(
        [
            Stream(tenant_id=key.tenant_id, stream_id=key.stream_id, type=key.type)
            for key in keys
            if (key.tenant_id, key.stream_id) not in known
        ],
        ignore_conflicts=True,  # another writer's first append came first
    )


def _version(key: StreamKey, stream: Stream) -> int:
    if stream.type != key.type:
        raise WrongStreamType(f"Stream {key.stream_id} is a {stream.type}, not a {key.type}.")
    return stream.version


def _repeats(appends: Sequence[Append]) -> set[tuple[UUID, UUID, UUID]]:
    """Return (tenant, stream, event id) of the given ids that are already recorded."""
    given = [
        (item.key.tenant_id, item.key.stream_id, new.event_id)
        for item in appends
        for new in item.events
        if new.event_id is not None
    ]
    if not given:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(REPEATS, [list(column) for column in zip(*given, strict=True)])
        return set(cursor.fetchall())


def _rows(
    appends: Sequence[Append],
    versions: dict[StreamKey, int],
    seen: set[tuple[UUID, UUID, UUID]],
) -> Iterator[tuple[Any, ...]]:
    for item in appends:
        tenant, stream = item.key.tenant_id, item.key.stream_id
        version = versions[item.key]
        for new in item.events:
            event_id = new.event_id or uuid4()
            if (tenant, stream, event_id) in seen:
                continue
            seen.add((tenant, stream, event_id))
            version += 1
            name, schema = codec.type_of(new.event)
            data = codec.encode(new.event)
            yield (
                *(partition_of(tenant), tenant, stream, version, event_id),
                *(name, schema, data, new.occurred_at),
            )


def _insert(rows: list[tuple[Any, ...]], metadata: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [*(list(column) for column in zip(*rows, strict=True)), metadata])


REPEATS = """
SELECT stored.tenant_id, stored.stream_id, stored.event_id
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS given (tenant_id, stream_id, event_id)
JOIN eventstore_storedevent AS stored USING (tenant_id, stream_id, event_id)
"""

# Positions are taken in the order of the rows, after the lock and the version check; so they rise
# with the versions of a stream. The lock gave the transaction its id, which the feed's fence needs.
INSERT = """
WITH given AS (
    SELECT * FROM unnest(
        %s::smallint[], %s::uuid[], %s::uuid[], %s::bigint[], %s::uuid[],
        %s::text[], %s::smallint[], %s::text[], %s::timestamptz[]
    ) WITH ORDINALITY AS given (
        partition, tenant_id, stream_id, version, event_id,
        type, schema_version, data, occurred_at, nth
    )
), advanced AS (
    UPDATE eventstore_stream AS stream SET version = head.version
    FROM (
        SELECT tenant_id, stream_id, max(version) AS version FROM given GROUP BY 1, 2
    ) AS head
    WHERE stream.tenant_id = head.tenant_id AND stream.stream_id = head.stream_id
)
INSERT INTO eventstore_storedevent (
    partition, tenant_id, stream_id, version, event_id,
    type, schema_version, data, occurred_at, metadata, position
)
SELECT
    partition, tenant_id, stream_id, version, event_id,
    type, schema_version, data::jsonb, occurred_at, %s::jsonb, nextval('eventstore_position')
FROM (SELECT * FROM given ORDER BY nth) AS ordered
"""
