"""Events as rows of the database, and back. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DataError

from eventstore import events as codec
from eventstore.events import Event, Metadata, RecordedEvent, StreamKey
from eventstore.sealing import Key, Place, seal

ANY: Final = None
NO_STREAM: Final = 0
STREAM_EXISTS: Final = -1

NOBODY = Metadata()  # what most events say of who caused them, and frozen: one is enough

decode_metadata = msgspec.json.Decoder(Metadata).decode


class UnstorableEvent(DataError):
    """An event has what cannot be stored, as a NUL or a number too large; nothing is written."""

    def __init__(self, keys: Sequence[StreamKey], reason: str) -> None:
        others = f" or one of {len(keys) - 1} streams after it" if len(keys) > 1 else ""
        super().__init__(
            f"{keys[0].type} {keys[0].stream_id}{others} was to get an event that cannot be "
            f"stored: {reason}. Nothing was written."
        )
        self.keys = keys


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to append. One with an id that its stream already has is a repeat, and dropped."""

    event: Event
    occurred_at: datetime
    event_id: UUID | None = None


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """What to append to a stream: ``expected`` is its version, ANY, NO_STREAM or STREAM_EXISTS."""

    key: StreamKey
    events: Sequence[NewEvent]
    expected: int | None = ANY


def partition_of(tenant_id: UUID) -> int:
    """Return the virtual partition that a tenant's events belong to."""
    return tenant_id.int % settings.EVENTSTORE_PARTITIONS


class EventRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event on its way into the database, which gives it an id where it has none."""

    type: str
    schema: int
    data: msgspec.Raw
    at: datetime
    id: UUID | None = None
    into_nth: int | None = None  # of the streams it is sent with, from 1
    version: int | None = None  # after that stream's head


class StreamRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stream that gets so many events, all of them new."""

    tenant: UUID
    stream: UUID
    type: str
    partition: int
    size: int
    expected: int | None


class AppendRow(msgspec.Struct, frozen=True):
    """An append on its way into the database; ``identified`` where it may hold repeats."""

    tenant: UUID
    stream: UUID
    type: str
    partition: int
    expected: int | None
    events: list[EventRow]
    identified: bool


def encode_appends(appends: Iterable[Append], ring: Mapping[UUID, Key] | None = None) -> str:
    """Return appends as one JSON array: far cheaper to make and to read than SQL arrays.

    A ring has the keys of all tenants that have events with sealed fields among these.
    """
    return encode_json([_append_row(item, ring) for item in appends])


def encode_new(
    appends: Sequence[Append], ring: Mapping[UUID, Key] | None = None
) -> tuple[str, str]:
    """Return the streams of appends, and the events of all of them, each as a JSON array.

    So the database reads each event once. The ring is that of :func:`encode_appends`.
    """
    streams = [_stream_row(item) for item in appends]
    events = [
        _event_row(new, item.key, ring, nth, version)
        for nth, item in enumerate(appends, 1)
        for version, new in enumerate(item.events, 1)
    ]
    return encode_json(streams), encode_json(events)


def encode_event(item: Append, metadata: Metadata | None) -> dict[str, Any]:
    """Return the values of an append of one event, each by itself."""
    key, [new] = item.key, item.events
    name, schema = codec.type_of(new.event)
    return {
        "tenant": key.tenant_id,
        "stream": key.stream_id,
        "type": key.type,
        "partition": partition_of(key.tenant_id),
        "expected": item.expected,
        "id": new.event_id,
        "event": name,
        "schema": schema,
        "data": bytes(_data(new, key)).decode(),
        "at": _in_utc(new, key),
        "metadata": encode_metadata(metadata),
    }


def encode_metadata(metadata: Metadata | None) -> str:
    return encode_json(metadata) if metadata else "{}"


def _append_row(item: Append, ring: Mapping[UUID, Key] | None) -> AppendRow:
    key = item.key
    events = [_event_row(new, key, ring) for new in item.events]
    return AppendRow(
        key.tenant_id,
        key.stream_id,
        key.type,
        partition_of(key.tenant_id),
        item.expected,
        events,
        any(event.id for event in events),
    )


def _stream_row(item: Append) -> StreamRow:
    key = item.key
    partition = partition_of(key.tenant_id)
    size = len(item.events)
    return StreamRow(key.tenant_id, key.stream_id, key.type, partition, size, item.expected)


def _event_row(
    new: NewEvent,
    key: StreamKey,
    ring: Mapping[UUID, Key] | None,
    into_nth: int | None = None,
    version: int | None = None,
) -> EventRow:
    name, schema = codec.type_of(new.event)
    data = _data(new, key)
    if ring is not None and new.event.sealed:
        place = Place(key.tenant_id, key.stream_id, name)
        data = seal(new.event, place, ring[key.tenant_id], new.event_id)
    return EventRow(name, schema, data, _in_utc(new, key), new.event_id, into_nth, version)


def _data(new: NewEvent, key: StreamKey) -> msgspec.Raw:
    try:
        return codec.encode(new.event)
    except (ValueError, RecursionError) as error:
        raise UnstorableEvent([key], str(error)) from error


def _in_utc(new: NewEvent, key: StreamKey) -> datetime:
    """Return when an event occurred: so that whoever reads it can have it, in UTC, as well."""
    at = new.occurred_at
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise UnstorableEvent([key], f"its time {at} has no time zone")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise UnstorableEvent([key], f"its time {at} is in no year from 1 to 9999") from error


def decode_row(row: tuple[Any, ...]) -> RecordedEvent:
    """Make the event of a row (the columns of ``sql.EVENT``).

    Raises UnreadableEvent, and SealedEvent where it is to be opened first (keyring.py).
    """
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
        metadata=NOBODY if metadata == "{}" else decode_metadata(metadata),
        event=event,
    )


def encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
