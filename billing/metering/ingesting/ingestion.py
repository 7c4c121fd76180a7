"""Accept usage events: checked, and appended as they came. What counts them is the saga's matter.

An event is known by its organisation, source and id. Sent again, it changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Literal
from uuid import UUID

import msgspec
from django.db import DataError, transaction

from billing.metering.events import VOIDED, UsageRecorded
from billing.metering.ingesting import circles, corrections
from billing.metering.ingesting.batches import (
    Batch,
    compare_with_archived,
    conflict,
    digest_of,
    stored_differently,
    unstorable,
)
from billing.metering.ingesting.circles import InCircle
from billing.metering.ingesting.cloudevents import (
    MAX_BATCH,
    BadBatch,
    BadEvent,
    CloudEvent,
    TooManyEvents,
    read,
)
from billing.metering.ingesting.corrections import (
    BadCorrection,
    CorrectedBefore,
    Correction,
    Target,
)
from billing.metering.ingesting.sources import Sources
from billing.metering.ingesting.subjects import organisations_of
from billing.metering.names import uuid_of
from catacloud.accounts import stopping
from catacloud.accounts.models import ApiKey
from eventstore import store
from eventstore.events import Metadata, RecordedEvent, StreamKey
from eventstore.store import Append, NewEvent, OtherContent

__all__ = ["MAX_BATCH", "BadBatch", "BadEvent", "SentDifferently", "TooManyEvents", "accept"]

MAX_AHEAD = timedelta(minutes=5)  # how far a sender's clock may be ahead of ours
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # late is welcome, but this is a mistake

Status = Literal["accepted", "repeated", "refused"]


class SentDifferently(BadBatch):
    """Events were accepted before with other content, and so none of the batch was now."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event of a batch."""

    index: int
    status: Status
    reason: str | None = None
    conflict: bool = False  # it was sent, or corrected, before with other content


def parse(body: bytes) -> list[CloudEvent]:
    """Read one CloudEvent, or a JSON array of them. Raises BadBatch."""
    return all_good(read(body))


def all_good(events: Iterable[CloudEvent | BadEvent]) -> list[CloudEvent]:
    """Return the events, if all of them could be read. Raises BadBatch."""
    good, bad = [], []
    for event in events:
        if isinstance(event, BadEvent):
            bad.append(event)
        else:
            good.append(event)
    if bad:
        raise BadBatch(bad)
    return good


def accept(events: Sequence[CloudEvent], *, key: ApiKey, now: datetime) -> int:
    """Append the events to their organisations' streams; return how many were new.

    All or nothing. Raises BadBatch, which names each event that cannot be accepted and why,
    SentDifferently, and UsageStopped where the key's own organisation takes nothing new.
    """
    batch = _prepared(events, key=key, now=now)
    if not (batch.bad or batch.conflicts):
        try:
            done = _append(batch, key=key)
            return len(batch.appended) - sum(_is_usage(one) for one in done.repeated)
        except InCircle as error:
            batch.refuse(error.bad, into=batch.bad)
        except DataError as error:
            batch.refuse(unstorable(batch), into=batch.bad)
            if not batch.bad:
                raise BadBatch([BadEvent(0, f"The data cannot be stored: {error}.")]) from error
        except OtherContent as error:
            batch.refuse(stored_differently(batch, error), into=batch.conflicts)
    if batch.bad:
        raise BadBatch(_in_order(batch.bad))
    raise SentDifferently(_in_order(batch.conflicts))


def accept_each(
    events: Sequence[CloudEvent | BadEvent], *, key: ApiKey, now: datetime
) -> list[Outcome]:
    """Append those events that can be accepted; say of each what became of it.

    Raises UsageStopped as :func:`accept` does.
    """
    batch = _prepared(events, key=key, now=now)
    done = None
    while done is None:  # whatever is in the way is taken out, so this ends
        try:
            done = _append(batch, key=key)
        except InCircle as error:
            batch.refuse(error.bad, into=batch.bad)
        except DataError:
            bad = list(unstorable(batch))
            if not bad:
                raise
            batch.refuse(bad, into=batch.bad)
        except OtherContent as error:
            batch.refuse(stored_differently(batch, error), into=batch.conflicts)
    stood = {(one.tenant_id, one.stream_id, one.event_id) for one in done.repeated}
    return [_outcome(index, batch, stood) for index in range(len(events))]


def _is_usage(recorded: RecordedEvent) -> bool:
    return isinstance(recorded.event, UsageRecorded)  # and not what a correction takes back


def _outcome(
    index: int, batch: Batch, stood: Collection[tuple[UUID, UUID, UUID | None]]
) -> Outcome:
    first = batch.repeats.get(index, index)
    for refused in (index, first):
        if bad := batch.bad.get(refused) or batch.conflicts.get(refused):
            return Outcome(index, "refused", bad.reason, conflict=refused not in batch.bad)
    stream, new = batch.appended[first]
    was_known = (stream.tenant_id, stream.stream_id, new.event_id) in stood
    return Outcome(index, "repeated" if was_known or first != index else "accepted")


def _in_order(bad: Mapping[int, BadEvent]) -> list[BadEvent]:
    return [bad[index] for index in sorted(bad)]


def _prepared(events: Sequence[CloudEvent | BadEvent], *, key: ApiKey, now: datetime) -> Batch:
    """Check events, and find what each would be in the store. Raises UsageStopped."""
    events, found = _corrections(events)
    organisations, stopped = organisations_of(events, key, now=now)
    sources = Sources(organisations, stopped=stopped)
    batch = Batch()
    latest = now + MAX_AHEAD
    for index, event in enumerate(events):
        if isinstance(event, BadEvent):
            batch.bad[index] = event
            continue
        source = sources[event.subject, event.source]
        is_timely = event.time is None or EARLIEST <= event.time <= latest
        if source is None or not is_timely:
            owner = organisations.get(event.subject)
            batch.bad[index] = BadEvent(index, _refusal(event, owner, stopped))
            continue
        first = source.first.setdefault(event.id, index)
        if first != index:
            _add_repeat(batch, index, _new_event(event, EARLIEST, found.get(index)), first)
            continue
        batch.appended[index] = (source.stream, _new_event(event, now, found.get(index)))
    if found:
        _take_back(batch, found, now)
    return batch


def _corrections(
    events: Sequence[CloudEvent | BadEvent],
) -> tuple[Sequence[CloudEvent | BadEvent], dict[int, Correction]]:
    """Read those events that correct others; what is no correction becomes a bad event."""
    found: dict[int, Correction] = {}
    read = list(events)
    for index, event in enumerate(events):
        if isinstance(event, CloudEvent) and event.type in corrections.TYPES:
            try:
                found[index] = corrections.read(event)
            except BadCorrection as error:
                read[index] = BadEvent(index, str(error))
    return read, found


def _take_back(batch: Batch, found: Mapping[int, Correction], now: datetime) -> None:
    """Append to the streams of the corrected events that they are taken back, each once."""
    targets: dict[Target, int] = {}
    voids: set[tuple[UUID, UUID, UUID | None]] = set()
    for index in [index for index in found if index in batch.appended]:
        stream, new = batch.appended[index]
        if found[index].recorded.type == VOIDED:
            voids.add((stream.tenant_id, stream.stream_id, new.event_id))
        target = found[index].target(stream.tenant_id)
        first = targets.setdefault(target, index)
        if first == index:
            batch.voids[index] = found[index].append(stream.tenant_id, now)
        else:
            again = CorrectedBefore(found[first].voided)
            batch.refuse([BadEvent(index, str(again))], into=batch.conflicts)
    stand = corrections.voids_among(targets)
    for target in (one for one in targets if one in stand or one in voids):
        bad = BadEvent(targets[target], corrections.A_VOID_STANDS)
        batch.refuse([bad], into=batch.bad)


def _refusal(event: CloudEvent, owner: UUID | None, stopped: Mapping[UUID | None, datetime]) -> str:
    if owner is None and event.subject is None:
        return "It has no subject: with a platform's key, name the organisation there."
    if owner is None:
        return f"There is no organisation {event.subject!r} that this key may speak for."
    if owner in stopped:
        return stopping.reason(stopped[owner])
    if event.time and event.time < EARLIEST:
        return f"The time {event.time.isoformat()} is before {EARLIEST.year}."
    return f"The time {event.time and event.time.isoformat()} is in the future: check your clock."


def _new_event(event: CloudEvent, now: datetime, correction: Correction | None) -> NewEvent:
    time = event.time
    if time is not None and time.tzinfo is not UTC:
        time = time.astimezone(UTC)  # one instant is one content, in whatever zone it was written
    recorded = (
        correction.recorded
        if correction
        else UsageRecorded(
            type=event.type, source=event.source, id=event.id, time=time, data=event.data
        )
    )
    return NewEvent(event=recorded, occurred_at=time or now, event_id=uuid_of(event.id))


def _add_repeat(batch: Batch, index: int, new: NewEvent, first: int) -> None:
    """Take an event whose identity came earlier in the batch as a repeat, or as a conflict."""
    recorded, repeat = batch.appended[first][1].event, new.event
    if recorded != repeat and digest_of(recorded) != digest_of(repeat):
        batch.conflicts[index] = conflict(index, stored=recorded, sent=repeat)
    else:
        batch.repeats[index] = first


def _append(batch: Batch, *, key: ApiKey) -> store.Appended:
    streams: dict[int, tuple[StreamKey, list[NewEvent]]] = {}  # to hash a key costs far more
    for stream, new in chain(batch.appended.values(), batch.voids.values()):
        streams.setdefault(id(stream), (stream, []))[1].append(new)
    appends = [Append(key=stream, events=events) for stream, events in streams.values()]
    with _all_or_nothing(batch):
        if batch.voids:
            circles.refuse(batch)
        done = store.append(appends, metadata=Metadata(actor=f"key {key.prefix}"))
        compare_with_archived(batch, done.repeated)
        return done


def _all_or_nothing(batch: Batch) -> AbstractContextManager[object]:
    """One event is appended by one statement, or stands already: it needs no BEGIN and COMMIT.

    In a caller's transaction it does, so that after an error the database can be asked why.
    """
    if len(batch.appended) == 1 and not batch.voids and transaction.get_autocommit():
        return nullcontext()
    return transaction.atomic()
