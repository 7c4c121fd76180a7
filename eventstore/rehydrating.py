"""The flows that load aggregates and let them decide, for drivers of both kinds. No I/O here."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from eventstore import appending, cache, keyring, reading, saving, sql
from eventstore.aggregate import Aggregate
from eventstore.appending import Appended, StreamConflict, columns
from eventstore.cache import Entry
from eventstore.events import Metadata, SealedEvent, StreamKey, UnreadableEvent
from eventstore.reading import ReadInterrupted
from eventstore.rows import Append, NewEvent, decode_row
from eventstore.saving import Loaded
from eventstore.sealing import open_row
from eventstore.steps import ERRORS, Flow, Query, Row

logger = logging.getLogger(__name__)

A = TypeVar("A", bound=Aggregate)
Decide = Callable[[A], Sequence[NewEvent]]

PAGE = 2000  # events that a replay holds at a time


class Executed(msgspec.Struct, Generic[A]):
    """What commands did: the new states, and what was appended."""

    loaded: dict[StreamKey, Loaded[A]]
    appended: Appended


def load(aggregate: type[A], key: StreamKey, at_version: int | None = None) -> Flow[Loaded[A]]:
    """Take the cached state or the newest snapshot, then only the events after it.

    A state ``at_version`` is made from the newest snapshot that is not newer. Raises
    UnreadableEvent and ReadInterrupted; nothing half-built is returned.
    """
    if at_version is not None:
        cache.states.count_miss()
    elif loaded := from_cache(aggregate, key):
        # The entry's own event is read as well: where it is missing, the database is older than
        # the cache, for it was restored or emptied.
        rows = yield from _read({key: loaded.version})
        if rows and rows[0][2] == loaded.version:
            yield from _replay({key: loaded}, rows[1:], full=len(rows) == PAGE)
            return loaded
        cache.states.drop(key)
    found = yield from _from_database(aggregate, [key], at_version)
    return found[key]


def execute(
    aggregate: type[A], decisions: Mapping[StreamKey, Decide[A]], metadata: Metadata | None
) -> Flow[Executed[A]]:
    """Lock, load, decide, append, and save the states that are due: within one transaction."""
    versions = yield from appending.lock(decisions)
    loaded = yield from _load_locked(aggregate, versions)
    return (yield from _decide(aggregate, loaded, decisions, metadata))


def execute_optimistically(
    aggregate: type[A],
    decisions: Mapping[StreamKey, Decide[A]],
    metadata: Metadata | None,
    attempts: int,
    *,
    autocommit: bool,
) -> Flow[Executed[A]]:
    """Load, decide, and append only if nobody else has meanwhile; else do all of it again.

    With ``autocommit`` there is no transaction around: what is appended stands, whatever becomes of
    the snapshot. Raises StreamConflict when the last attempt has met one.
    """
    while True:
        attempts -= 1
        loaded = {}
        for key in decisions:
            loaded[key] = yield from load(aggregate, key)
        try:
            return (
                yield from _decide(aggregate, loaded, decisions, metadata, committed=autocommit)
            )
        except StreamConflict:
            if attempts < 1:
                raise


def from_cache(aggregate: type[A], key: StreamKey) -> Loaded[A] | None:
    entry = cache.states.get(key, state_version=aggregate.state_version)
    if entry is None:
        return None
    state = msgspec.msgpack.decode(entry.state, type=aggregate)
    return Loaded(state, entry.version, entry.saved_version, entry.saved_at, entry.read_at)


def entries(loaded: Mapping[StreamKey, Loaded[A]]) -> dict[StreamKey, Entry]:
    """Return states, as they are now, as entries of the cache."""
    return {
        key: Entry.of(
            one.state,
            version=one.version,
            saved_version=one.saved_version,
            saved_at=one.saved_at,
            read_at=one.read_at,
        )
        for key, one in loaded.items()
        if one.version
    }


def _load_locked(
    aggregate: type[A], versions: Mapping[StreamKey, int]
) -> Flow[dict[StreamKey, Loaded[A]]]:
    loaded: dict[StreamKey, Loaded[A]] = {}
    for key, version in versions.items():
        cached = from_cache(aggregate, key) if version else None
        if cached and cached.version <= version:
            loaded[key] = cached
            continue
        cache.states.drop(key)  # ahead of the database, it would count once the stream is as long
        if not version:
            loaded[key] = Loaded(aggregate(), 0)
    if unknown := [key for key in versions if key not in loaded]:
        loaded |= yield from _from_database(aggregate, unknown, None)
    behind = {key: one for key, one in loaded.items() if one.version < versions[key]}
    if behind:
        yield from _catch_up(behind, None)
    return loaded


def _decide(
    aggregate: type[A],
    loaded: dict[StreamKey, Loaded[A]],
    decisions: Mapping[StreamKey, Decide[A]],
    metadata: Metadata | None,
    *,
    committed: bool = False,
) -> Flow[Executed[A]]:
    todo = appending.in_lock_order(
        Append(key=key, events=decide(loaded[key].state), expected=loaded[key].version)
        for key, decide in decisions.items()
    )
    appended = yield from appending.append(todo, metadata)
    if outrun := _bring_forward(loaded, todo, appended):
        yield from _catch_up(outrun, None)
    if due := saving.due(aggregate, {item.key: loaded[item.key] for item in todo}, appended.at):
        yield from (saving.save_or_warn if committed else saving.save)(aggregate, due)
    return Executed(loaded, appended)


def _bring_forward(
    loaded: Mapping[StreamKey, Loaded[A]], todo: Sequence[Append], appended: Appended
) -> dict[StreamKey, Loaded[A]]:
    """Apply what was appended; return the states that have to be read on instead.

    Another writer may have appended the same meanwhile, and who knows what before and after it.
    """
    repeated = {
        (one.tenant_id, one.stream_id, one.event_id): one.version for one in appended.repeated
    }
    outrun = {}
    for item in todo:
        one, place = loaded[item.key], (item.key.tenant_id, item.key.stream_id)
        again = [repeated.get((*place, new.event_id), 0) for new in item.events if new.event_id]
        if max(again, default=0) > one.version:
            outrun[item.key] = one
            continue
        for new in item.events:
            if not new.event_id or (*place, new.event_id) not in repeated:
                one.state.apply(new.event)
        one.version = appended.versions[item.key]
    return outrun


def _from_database(
    aggregate: type[A],
    keys: Sequence[StreamKey],
    at_version: int | None,
    *,
    snapshots: bool = True,
) -> Flow[dict[StreamKey, Loaded[A]]]:
    """Take the newest snapshots and replay the events after them: one round trip for a page."""
    values: dict[str, Any] = {
        "state_version": aggregate.state_version if snapshots else None,
        "at_version": at_version,
    }
    if len(keys) == 1:
        rows = yield from _ask(sql.STATE, values | _one(keys[0]), first=(keys[0], 1))
    else:
        rows = yield from _ask(sql.STATES, values | columns(keys), first=(keys[0], 1))
    loaded = {key: Loaded(aggregate(), 0) for key in keys}
    named = {(key.tenant_id, key.stream_id): key for key in keys}
    for row in filter(_is_snapshot, rows):
        try:
            loaded[named[row[:2]]] = _from_snapshot(aggregate, row)
        except msgspec.MsgspecError as error:
            logger.warning(
                "The snapshot of %s cannot be read, so it is not used: %s", row[1], error
            )
            return (yield from _from_database(aggregate, keys, at_version, snapshots=False))
    events = [row for row in rows if not _is_snapshot(row)]
    yield from _replay(loaded, events, full=len(events) == PAGE, at_version=at_version)
    return loaded


def _is_snapshot(row: Row) -> bool:
    return row[3] is None  # only events have a position


def _from_snapshot(aggregate: type[A], row: Row) -> Loaded[A]:
    state = msgspec.json.decode(row[-1], type=aggregate)
    return Loaded(state, row[2], saved_version=row[2], saved_at=row[5])


def _catch_up(loaded: Mapping[StreamKey, Loaded[A]], at_version: int | None) -> Flow[None]:
    """Replay the events after the states of streams, a page of them at a time."""
    rows = yield from _read({key: one.version + 1 for key, one in loaded.items()})
    yield from _replay(loaded, rows, full=len(rows) == PAGE, at_version=at_version)


def _replay(
    loaded: Mapping[StreamKey, Loaded[A]],
    rows: Sequence[Row],
    *,
    full: bool,
    at_version: int | None = None,
) -> Flow[None]:
    """Apply events to the states, and those of further pages while pages are full."""
    named = {(key.tenant_id, key.stream_id): one for key, one in loaded.items()}
    while True:
        replayed = yield from _replay_page(named, rows, at_version)
        cache.states.count_replayed(replayed)
        if not full or replayed < len(rows):
            return
        rows = yield from _read({key: one.version + 1 for key, one in loaded.items()})
        full = len(rows) == PAGE


def _replay_page(
    named: Mapping[tuple[UUID, UUID], Loaded[A]], rows: Sequence[Row], at_version: int | None
) -> Flow[int]:
    """Apply the events of a page, up to a version; return how many."""
    for nth, row in enumerate(rows):
        one = named[row[0], row[1]]
        if at_version is not None and row[2] > at_version:
            return nth
        if row[2] != one.version + 1:
            raise UnreadableEvent(f"Stream {row[1]} has no event of version {one.version + 1}.")
        try:
            recorded = decode_row(row)
        except SealedEvent:
            ring = yield from keyring.to_open({row[0]})
            recorded = decode_row(open_row(row, ring))
        try:
            one.state.apply(recorded.event)
        except Exception as error:  # the aggregate's own, whatever it is
            error.add_note(f"This is from applying version {row[2]} of stream {row[1]}.")
            raise
        one.version = recorded.version
    return len(rows)


def _read(first: Mapping[StreamKey, int]) -> Flow[list[Row]]:
    """Read the next page of streams' events, from a version on."""
    key, version = one = next(iter(first.items()))
    if len(first) == 1:
        return (yield from _ask(sql.EVENTS_OF, _one(key) | {"version": version}, first=one))
    values: dict[str, Any] = columns(first) | {"versions": list(first.values())}
    return (yield from _ask(sql.EVENTS_FROM, values, first=one))


def _one(key: StreamKey) -> dict[str, Any]:
    return {"tenant": key.tenant_id, "stream": key.stream_id}


def _ask(
    statement: str, values: dict[str, Any], *, first: tuple[StreamKey, int]
) -> Flow[list[Row]]:
    try:
        return (yield Query(statement, values | {"limit": PAGE}))
    except ERRORS as error:
        key, version = first
        raise ReadInterrupted(reading.name(key), unit="version", after=version - 1) from error
