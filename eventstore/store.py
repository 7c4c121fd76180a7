"""Append to streams and read them. Stream rows are locked, and events inserted, only here."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from django.db import connection, models, transaction
from django.db.models.functions import Cast
from django.dispatch import Signal

from eventstore import sql
from eventstore.events import Metadata, RecordedEvent, StreamKey
from eventstore.models import StoredEvent, Stream
from eventstore.rows import (
    COLUMNS,
    Append,
    NewEvent,
    decode_row,
    encode_json,
    encode_rows,
    partition_of,
)

__all__ = [
    "Append",
    "NewEvent",
    "StreamConflict",
    "WrongStreamType",
    "append",
    "append_locked",
    "appended",
    "lock",
    "partition_of",
    "read_stream",
]

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


def append(appends: Iterable[Append], *, metadata: Metadata | None = None) -> int:
    """Append to any number of streams, all or nothing; return how many events were new.

    Writers of one stream queue up; streams are locked in one order, so writers of many cannot
    deadlock. Raises StreamConflict, and WrongStreamType.
    """
    todo = _merge(appends)
    if not todo:
        return 0
    if len(todo) == 1 and _append_at_once(todo[0], metadata):
        return len(todo[0].events)
    with transaction.atomic():
        return append_locked(todo, lock([item.key for item in todo]), metadata=metadata)


def lock(keys: Sequence[StreamKey]) -> dict[StreamKey, int]:
    """Lock streams until the transaction ends, creating what is missing; return their versions.

    Raises WrongStreamType.
    """
    ids = sorted((key.tenant_id, key.stream_id) for key in keys)
    locked = (
        Stream.objects.select_for_update().filter(pk__in=ids).order_by("tenant_id", "stream_id")
    )
    # Rows are created before any is locked. A writer that held locks while it waited for another's
    # new row could deadlock with it; one that waits first, and then locks in order, cannot.
    streams = list(locked) if len(ids) == 1 else []
    if not streams:
        _create_missing(keys)
        streams = list(locked.all())
    found = {(stream.tenant_id, stream.stream_id): stream for stream in streams}
    return {key: _version(key, found[key.tenant_id, key.stream_id]) for key in keys}


def append_locked(
    appends: Sequence[Append], versions: dict[StreamKey, int], *, metadata: Metadata | None
) -> int:
    """Append to streams that this transaction has locked at ``versions``; return how many are new.

    Raises StreamConflict.
    """
    for item in appends:
        if item.expected is not None and item.expected != versions[item.key]:
            raise StreamConflict(item.key, expected=item.expected, actual=versions[item.key])
    with connection.cursor() as cursor:
        what = {"events": encode_rows(appends), "metadata": encode_json(metadata or Metadata())}
        cursor.execute(sql.APPEND_TO_LOCKED, what)
        new: int = cursor.rowcount
    if new:
        _announce(appends)
    return new


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
    *plain, metadata, data = COLUMNS
    as_text = [Cast(name, models.TextField()) for name in (metadata, data)]
    columns = rows.values_list(*plain, *as_text)
    for row in columns.iterator(chunk_size=READ_CHUNK):
        yield decode_row(row)


def _merge(appends: Iterable[Append]) -> list[Append]:
    """Return one append a stream, in lock order; several of one stream become one."""
    merged = []
    for key, group in groupby(sorted(appends, key=lambda a: a.key), key=lambda a: a.key):
        parts = list(group)
        events = [event for part in parts for event in part.events]
        if events:
            merged.append(Append(key=key, events=events, expected=parts[0].expected))
    return merged


def _append_at_once(item: Append, metadata: Metadata | None) -> bool:
    """Lock, check, insert and advance in one statement; False where that cannot be.

    It cannot when the stream is new, when it is not what was expected (both are told apart by who
    locks it first), or when events have ids of their own: an id that another writer recorded while
    this statement waited for the lock is not in its snapshot.
    """
    if any(new.event_id for new in item.events):
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            sql.APPEND_AT_ONCE,
            {
                "tenant": item.key.tenant_id,
                "stream": item.key.stream_id,
                "type": item.key.type,
                "expected": item.expected,
                "events": encode_rows([item]),
                "count": len(item.events),
                "metadata": encode_json(metadata or Metadata()),
            },
        )
        if not cursor.rowcount:
            return False
    _announce([item])
    return True


def _announce(appends: Sequence[Append]) -> None:
    partitions = {partition_of(item.key.tenant_id) for item in appends}

    def announce() -> None:  # a function, for Django logs its name where it fails
        appended.send(sender=StoredEvent, partitions=partitions)

    # Robust: the events stand, so whoever fails to hear of them must not fail the writer.
    transaction.on_commit(announce, robust=True)


def _create_missing(keys: Sequence[StreamKey]) -> None:
    rows = sorted(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.CREATE_STREAMS,
            [
                [key.tenant_id for key in rows],
                [key.stream_id for key in rows],
                [key.type for key in rows],
            ],
        )


def _version(key: StreamKey, stream: Stream) -> int:
    if stream.type != key.type:
        raise WrongStreamType(f"Stream {key.stream_id} is a {stream.type}, not a {key.type}.")
    return stream.version
