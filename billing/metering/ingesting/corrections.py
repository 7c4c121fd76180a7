"""Events that correct others: one voids a usage event, or replaces it by the usage that it carries.

Both stay. An event is corrected once: a void stands for good, and what replaces is an event like
any other, which the next correction names.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils.translation import gettext

from billing.metering.events import (
    REPLACED,
    STREAM_TYPE,
    VOIDED,
    EventName,
    Replacing,
    UsageRecorded,
    UsageVoided,
)
from billing.metering.ingesting.cloudevents import CloudEvent, Text
from billing.metering.names import uuid_of, void_id
from catacloud.accounts.models import Organisation
from eventstore import store
from eventstore.events import Metadata, StreamKey
from eventstore.models import StoredEvent
from eventstore.store import Append, NewEvent, OtherContent

TYPES = frozenset({VOIDED, REPLACED})
A_VOID_STANDS = "It names a void, which stands: send the usage that was voided as a new event."

LONGEST_REASON = 1000  # characters
Reason = Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)]


class Void(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event that voids another: which one, and why."""

    source: Text
    id: Text
    reason: Reason


class Replacement(Void, frozen=True, kw_only=True):
    """The data of an event that replaces another: the usage as it should have been, besides."""

    type: Text
    data: msgspec.Raw = msgspec.Raw(b"null")


D = TypeVar("D", bound=Void)


class BadCorrection(Exception):
    """An event cannot correct another. The message says why."""


class CorrectedBefore(BadCorrection):
    """The event was corrected before: only the correction can be corrected now."""

    def __init__(self, voided: UsageVoided) -> None:
        self.voided = voided
        name = f"The event {voided.id!r} of {voided.source!r}"
        by = f", by {voided.by.id!r} of {voided.by.source!r}" if voided.by else ""
        if voided.is_replaced:
            super().__init__(f"{name} was replaced before{by}: correct that one instead.")
        else:
            super().__init__(f"{name} was voided before{by}: send its usage as a new event.")


Place = tuple[UUID, UUID, UUID | None]  # organisation, stream, event


class Target(NamedTuple):
    """Where the event is that a correction names."""

    organisation_id: UUID
    stream_id: UUID
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Correction:
    """What becomes of an event that corrects: it is stored, and the other one is taken back."""

    recorded: UsageRecorded
    voided: UsageVoided

    def target(self, organisation_id: UUID) -> Target:
        return Target(organisation_id, uuid_of(self.voided.source), uuid_of(self.voided.id))

    def append(self, organisation_id: UUID, now: datetime) -> tuple[StreamKey, NewEvent]:
        """Return what takes the other event back, and the stream of that, where it is appended."""
        return _append(organisation_id, self.voided, now)


def read(event: CloudEvent) -> Correction:
    """Return what a CloudEvent of one of TYPES corrects. Raises BadCorrection."""
    if event.type == REPLACED:
        return _replacement(event, _data(event, Replacement))
    data = _data(event, Void)
    recorded = UsageRecorded(
        type=event.type, source=event.source, id=event.id, time=_utc(event), data=event.data
    )
    by = EventName(event.source, event.id)
    voided = UsageVoided(source=data.source, id=data.id, reason=data.reason, by=by)
    return Correction(recorded, voided)


def _replacement(event: CloudEvent, data: Replacement) -> Correction:
    if event.time is None:
        raise BadCorrection("It has no time: say when the usage was that counts instead.")
    if data.type in (VOIDED, REPLACED):
        raise BadCorrection("It replaces usage by a correction: give the type of usage.")
    if not bytes(data.data).startswith(b"{") and bytes(data.data) != b"null":
        raise BadCorrection("The data in its data must be a JSON object or null.")
    recorded = UsageRecorded(
        type=data.type,
        source=event.source,
        id=event.id,
        time=_utc(event),
        data=data.data,
        replaces=Replacing(source=data.source, id=data.id, reason=data.reason),
    )
    voided = UsageVoided(
        source=data.source,
        id=data.id,
        reason=data.reason,
        by=EventName(event.source, event.id),
        is_replaced=True,
    )
    return Correction(recorded, voided)


def as_sent(recorded: UsageRecorded) -> tuple[str, bytes]:
    """Return the type and the data of the CloudEvent that an event was."""
    if not recorded.replaces:
        return recorded.type, bytes(recorded.data)
    replaces = recorded.replaces
    data = Replacement(
        source=replaces.source,
        id=replaces.id,
        reason=replaces.reason,
        type=recorded.type,
        data=recorded.data,
    )
    return REPLACED, msgspec.json.encode(data)


def voids_among(targets: Collection[Target]) -> set[Target]:
    """Return which of some events are voids themselves: those cannot be corrected."""
    rows = StoredEvent.objects.filter(
        tenant_id__in={one.organisation_id for one in targets},
        stream_id__in={one.stream_id for one in targets},
        event_id__in={one.event_id for one in targets},
        data__type=VOIDED,
    ).values_list("tenant_id", "stream_id", "event_id")
    return {Target(*row) for row in rows} & set(targets)


def taken_back(places: Collection[Place]) -> Iterator[tuple[Place, UsageVoided]]:
    """Return those voids that stand at some places: each under its tenant, stream and own id."""
    rows = StoredEvent.objects.filter(
        tenant_id__in={tenant for tenant, _, _ in places},
        stream_id__in={stream for _, stream, _ in places},
        event_id__in={event for _, _, event in places},
        type="usage.voided",
    )
    for row in rows:
        place = (row.tenant_id, row.stream_id, row.event_id)
        if place in places:
            yield place, msgspec.convert(row.data, type=UsageVoided)


def void(
    *, organisation: Organisation, name: EventName, reason: str, actor: str, now: datetime
) -> None:
    """Take a stored usage event back, on a person's word. Raises BadCorrection."""
    if not reason.strip():
        raise BadCorrection(gettext("Say why it is voided."))
    target = Target(organisation.pk, uuid_of(name.source), uuid_of(name.id))
    stored = StoredEvent.objects.filter(
        tenant_id=target.organisation_id, stream_id=target.stream_id, event_id=target.event_id
    )
    if not stored.filter(type="usage.recorded").exists():
        raise BadCorrection(gettext("There is no such event."))
    if voids_among([target]):
        raise BadCorrection(A_VOID_STANDS)
    reason = reason.strip().replace("\0", "")  # which the database cannot hold
    voided = UsageVoided(source=name.source, id=name.id, reason=reason)
    key, new = _append(organisation.pk, voided, now)
    try:
        with transaction.atomic():
            store.append([Append(key=key, events=[new])], metadata=Metadata(actor=actor))
    except OtherContent as error:
        [(_, before)] = taken_back([(key.tenant_id, key.stream_id, new.event_id)])
        raise CorrectedBefore(before) from error


def _append(
    organisation_id: UUID, voided: UsageVoided, now: datetime
) -> tuple[StreamKey, NewEvent]:
    key = StreamKey(organisation_id, uuid_of(voided.source), STREAM_TYPE)
    return key, NewEvent(event=voided, occurred_at=now, event_id=void_id(voided.id))


def _data(event: CloudEvent, kind: type[D]) -> D:
    try:
        data = msgspec.json.decode(event.data, type=kind)
    except msgspec.DecodeError as error:
        raise BadCorrection(f"Its data do not say what it corrects, and why: {error}.") from error
    if not data.reason.strip():
        raise BadCorrection("Its reason is empty: say why the event is corrected.")
    if (data.source, data.id) == (event.source, event.id):
        raise BadCorrection("It names itself: name the event that it corrects.")
    return data


def _utc(event: CloudEvent) -> datetime | None:
    time = event.time
    try:
        return time and time.astimezone(UTC)
    except OverflowError as error:  # in the first year or the last
        said = f"Its time {time and time.isoformat()} is, in UTC, in no year from 1 to 9999."
        raise BadCorrection(said) from error
