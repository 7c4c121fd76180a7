"""The flows that lock streams and append to them, for drivers of both kinds. No I/O here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg import errors

from eventstore import keyring, sql, tables
from eventstore.events import Metadata, RecordedEvent, StreamKey
from eventstore.rows import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    NewEvent,
    UnstorableEvent,
    encode_appends,
    encode_event,
    encode_metadata,
    encode_new,
)
from eventstore.sealing import Key
from eventstore.steps import ERRORS, Flow, Lock, Query, Row

# What PostgreSQL says of values that it cannot hold: wrong ones, too large ones, too deep ones.
CANNOT_HOLD = (psycopg.DataError, errors.ProgramLimitExceeded, errors.StatementTooComplex)
EVENTS_A_CALL = 5000  # as many events as one round trip takes, unless one stream has more


class StreamConflict(Exception):
    """The stream is not at the version that the writer had seen."""

    def __init__(self, key: StreamKey, *, expected: int | None, actual: int) -> None:
        wanted = "existed" if expected == STREAM_EXISTS else f"stood at version {expected}"
        super().__init__(
            f"{key.type} {key.stream_id} stands at version {actual}; it was expected that it "
            f"{wanted}. Load it again and decide anew."
        )
        self.key, self.expected, self.actual = key, expected, actual


class WrongStreamType(Exception):
    """A stream's id is taken by a stream of another type."""

    def __init__(self, key: StreamKey, *, found: str) -> None:
        super().__init__(f"Stream {key.stream_id} is a {found}, not a {key.type}.")


class OtherContent(Exception):
    """An event's id is in the stream already, with another event."""

    def __init__(self, key: StreamKey, event_id: UUID) -> None:
        super().__init__(
            f"{key.type} {key.stream_id} has another event under the id {event_id}: "
            "a new event needs a new id."
        )
        self.key, self.event_id = key, event_id


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What an append did: the versions where streams now stand, and what had stood before."""

    new: int
    versions: dict[StreamKey, int]
    repeated: list[RecordedEvent]  # recorded earlier, under ids that were given again
    at: datetime | None = None  # of the database


NOTHING = Appended(new=0, versions={}, repeated=[])


def in_lock_order(appends: Iterable[Append]) -> list[Append]:
    """Return one append a stream, sorted; several of one stream become one.

    Raises StreamConflict and OtherContent.
    """
    todo = list(appends)
    if len(todo) > 1:
        parts: dict[StreamKey, list[Append]] = {}
        for item in todo:
            parts.setdefault(item.key, []).append(item)
        todo = [_joined(parts[key]) for key in sorted(parts, key=_place)]
    return [_without_repeats(item) for item in todo if item.events]


def append(
    todo: Sequence[Append], metadata: Metadata | None, *, autocommits: bool = False
) -> Flow[Appended]:
    """Append to streams, given :func:`in_lock_order`; say if each statement commits by itself.

    Of one stream it is one statement, so all or nothing; several need a transaction around. Raises
    StreamConflict, WrongStreamType, OtherContent and UnstorableEvent, and TenantShredded where one
    that was shredded has events with sealed fields.
    """
    try:
        return (yield from _append(todo, metadata, autocommits))
    except ERRORS as error:
        cause = error.__cause__ or error  # psycopg's own, where Django's is around it
        if not isinstance(cause, CANNOT_HOLD):
            raise
        reason = str(error).partition("\n")[0]
        raise UnstorableEvent([item.key for item in todo], reason) from error


def _append(todo: Sequence[Append], metadata: Metadata | None, autocommits: bool) -> Flow[Appended]:
    tenants = keyring.sealed_tenants(todo)
    if not tenants and _is_one_event(todo, autocommits):
        done = yield from _append_event(todo[0], metadata)
        if done:
            return done
    ring = (yield from keyring.to_seal(tenants)) if tenants else None
    return (yield from _append_any(todo, metadata, ring))


def _is_one_event(todo: Sequence[Append], autocommits: bool) -> bool:
    if len(todo) != 1 or len(todo[0].events) != 1 or todo[0].expected in (NO_STREAM, STREAM_EXISTS):
        return False
    # One with an id may fail, for the same may come meanwhile, and that would end a transaction.
    return autocommits or todo[0].events[0].event_id is None


def _append_event(item: Append, metadata: Metadata | None) -> Flow[Appended | None]:
    """Append one event, to a stream that stands as expected and has none with its id; else None."""
    tenant = item.key.tenant_id
    identified = item.events[0].event_id is not None
    statement = sql.append_event(tables.of_streams(tenant), identified=identified)
    try:
        rows = yield Query(statement, encode_event(item, metadata))
    except ERRORS as error:
        if not isinstance(error.__cause__ or error, errors.UniqueViolation):
            raise
        return None
    if not rows:
        return None
    [(version, now, *found)] = rows
    if found:
        tables.learn(tenant, *found)
    return Appended(new=1, versions={item.key: version}, repeated=[], at=now)


def _append_any(
    todo: Sequence[Append], metadata: Metadata | None, ring: Mapping[UUID, Key] | None
) -> Flow[Appended]:
    new, versions, repeats = 0, {}, list[tuple[StreamKey, list[int]]]()
    now: datetime | None = None
    for part in _parts(todo):
        rows = (yield from _append_new(part, metadata, ring)) if _are_several(part) else []
        if not rows:
            values = {"appends": encode_appends(part, ring), "metadata": encode_metadata(metadata)}
            rows = yield Query(sql.APPEND, values)
        for nth, outcome, head, added, repeated, detail, now in rows:  # noqa: B007 one for all
            item = part[nth - 1]
            if outcome != "appended":
                raise _refusal(outcome, item, head, detail)
            new += added
            versions[item.key] = head
            if repeated:
                repeats.append((item.key, repeated))
    recorded = (yield from _recorded(repeats)) if repeats else []
    return Appended(new=new, versions=versions, repeated=recorded, at=now)


def _are_several(part: Sequence[Append]) -> bool:
    return len(part) > 1 or len(part[0].events) > 1


def _append_new(
    part: Sequence[Append], metadata: Metadata | None, ring: Mapping[UUID, Key] | None
) -> Flow[list[Row]]:
    """Append what is all new, and return the rows of it; none where something is not."""
    streams, events = encode_new(part, ring)
    values = {"streams": streams, "events": events, "metadata": encode_metadata(metadata)}
    return (yield Query(sql.APPEND_NEW, values))


def lock(keys: Iterable[StreamKey]) -> Flow[dict[StreamKey, int]]:
    """Lock streams, creating what is missing; return their versions. Raises WrongStreamType."""
    ordered = sorted(keys, key=_place)
    # Locked or created, the next stream comes after the last: who takes what others want only in
    # one order, be it by lock or by append, cannot deadlock with them.
    rows = (yield Lock(ordered[0])) if len(ordered) == 1 else []
    if not rows:
        types = {"types": [key.type for key in ordered]}
        rows = yield Query(sql.LOCK_OR_CREATE, columns(ordered) | types)
    versions = {}
    for key, (found, version) in zip(ordered, rows, strict=True):
        if found != key.type:
            raise WrongStreamType(key, found=found)
        versions[key] = version
    return versions


def columns(keys: Iterable[StreamKey]) -> dict[str, list[UUID]]:
    """Return keys as the arrays that the statements take."""
    keys = list(keys)
    return {
        "tenants": [key.tenant_id for key in keys],
        "streams": [key.stream_id for key in keys],
    }


def _place(key: StreamKey) -> tuple[int, int, str]:
    return (key.tenant_id.int, key.stream_id.int, key.type)  # integers compare far faster


def _joined(parts: list[Append]) -> Append:
    """Make one append of several of one stream. Raises StreamConflict where they contradict."""
    events: list[NewEvent] = []
    expected: int | None = ANY
    for part in parts:
        if part.events:
            if part.expected is not ANY:
                expected = _expected_before(part, len(events), expected)
            events += part.events
    return Append(key=parts[0].key, events=events, expected=expected)


def _expected_before(part: Append, before: int, expected: int | None) -> int | None:
    """Return what is expected before all parts, one of which has so many events before it."""
    if part.expected is None or part.expected == STREAM_EXISTS:
        return expected if before else part.expected
    first = part.expected - before
    if first < 0 or (before and expected not in (ANY, STREAM_EXISTS if first else ANY, first)):
        known = 0 if expected in (ANY, STREAM_EXISTS) else expected
        raise StreamConflict(part.key, expected=part.expected, actual=known + before)
    return first


def _without_repeats(item: Append) -> Append:
    """Drop an event whose id comes twice in one append: the first one counts."""
    if len(item.events) == 1 or not any(new.event_id for new in item.events):
        return item
    known: dict[UUID, NewEvent] = {}
    events = []
    for new in item.events:
        if new.event_id is None:
            events.append(new)
            continue
        before = len(known)
        first = known.setdefault(new.event_id, new)
        if len(known) > before:
            events.append(new)
        elif new.event != first.event:
            raise OtherContent(item.key, new.event_id)
    return Append(key=item.key, events=events, expected=item.expected)


def _parts(todo: Sequence[Append]) -> Iterator[list[Append]]:
    part: list[Append] = []
    size = 0
    for item in todo:
        if part and size + len(item.events) > EVENTS_A_CALL:
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item.events)
    if part:
        yield part


def _refusal(outcome: str, item: Append, head: int, detail: str) -> Exception:
    match outcome:
        case "conflict":
            return StreamConflict(item.key, expected=item.expected, actual=head)
        case "other type":
            return WrongStreamType(item.key, found=detail)
        case "other content":
            return OtherContent(item.key, UUID(detail))
    return AssertionError(f"eventstore_append answered {outcome!r}: is its migration applied?")


def _recorded(repeats: Sequence[tuple[StreamKey, list[int]]]) -> Flow[list[RecordedEvent]]:
    keys = [key for key, versions in repeats for _ in versions]
    values = columns(keys) | {"versions": [n for _, versions in repeats for n in versions]}
    return (yield from keyring.decoded((yield Query(sql.EVENTS_AT, values))))


__all__ = ["ANY", "Appended", "OtherContent", "StreamConflict", "WrongStreamType", "append", "lock"]
