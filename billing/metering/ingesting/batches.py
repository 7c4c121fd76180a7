"""A batch of events on its way into the store, and what there is in the way."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from django.db import DataError, connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from billing.metering.events import UsageRecorded
from billing.metering.ingesting import corrections
from billing.metering.ingesting.cloudevents import BadEvent
from billing.metering.ingesting.corrections import CorrectedBefore
from billing.metering.ingesting.digests import digest
from eventstore import events as codec
from eventstore.events import RecordedEvent, StreamKey
from eventstore.models import StoredEvent
from eventstore.store import NewEvent, OtherContent

NAME = "usage.recorded"
VERSION = codec.current_versions()[NAME]


@dataclass(slots=True)
class Batch:
    """Events on their way into the store: of each identity the first, and what is wrong."""

    appended: dict[int, tuple[StreamKey, NewEvent]] = field(default_factory=dict)
    voids: dict[int, tuple[StreamKey, NewEvent]] = field(default_factory=dict)  # of corrections
    repeats: dict[int, int] = field(default_factory=dict)  # to the index of the first
    bad: dict[int, BadEvent] = field(default_factory=dict)
    conflicts: dict[int, BadEvent] = field(default_factory=dict)

    def refuse(self, bad: Iterable[BadEvent], *, into: dict[int, BadEvent]) -> None:
        """Take events out, and with each those that only repeat it."""
        for one in bad:
            into[one.index] = one
            del self.appended[one.index]
            self.voids.pop(one.index, None)


def stored_differently(batch: Batch, error: OtherContent) -> list[BadEvent]:
    """Find all events of a batch that stand with other content; at least that of the error."""
    sent = {
        (stream.tenant_id, stream.stream_id, new.event_id): (index, new.event)
        for index, (stream, new) in batch.appended.items()
    }
    known = (error.key.tenant_id, error.key.stream_id, error.event_id)
    found: dict[int, BadEvent] = {}
    for place, stored in _stored(sent):
        index, event = sent[place]
        if place == known or digest_of(stored) != digest_of(event):
            found[index] = conflict(index, stored=stored, sent=event)
    for bad in _corrected_before(batch):
        found.setdefault(bad.index, bad)
    if not found:
        raise error
    return list(found.values())


def _corrected_before(batch: Batch) -> Iterator[BadEvent]:
    """Find the corrections of events that others have corrected already."""
    sent = {
        (stream.tenant_id, stream.stream_id, new.event_id): (index, new.event)
        for index, (stream, new) in batch.voids.items()
    }
    for place, stored in corrections.taken_back(sent):
        index, voided = sent[place]
        if stored != voided:
            yield BadEvent(index, str(CorrectedBefore(stored)))


def _stored(
    places: Collection[tuple[UUID, UUID, UUID | None]],
) -> Iterator[tuple[tuple[UUID, UUID, UUID], codec.Event]]:
    rows = StoredEvent.objects.filter(
        tenant_id__in={tenant for tenant, _, _ in places},
        stream_id__in={stream for _, stream, _ in places},
        event_id__in={event for _, _, event in places},
        schema_version=VERSION,  # what an older one says besides cannot be compared
        type=NAME,
    ).annotate(text=Cast("data", TextField()))
    for row in rows.defer("data"):
        place = (row.tenant_id, row.stream_id, row.event_id)
        if place in places:
            yield place, codec.decode(name=row.type, version=row.schema_version, data=row.text)


def unstorable(batch: Batch) -> Iterator[BadEvent]:
    """Ask the database which data it cannot hold: a NUL, half a character, a number too large."""
    for index, (_, new) in list(batch.appended.items()):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT %s::jsonb", [bytes(codec.encode(new.event)).decode()])
        except DataError as error:
            reason = str(error).splitlines()[0]
            yield BadEvent(index, f"Its data cannot be stored: {reason}.")


def compare_with_archived(batch: Batch, repeated: Iterable[RecordedEvent]) -> None:
    """Compare what the store cannot: repeats of events whose payload is archived.

    Raises OtherContent.
    """
    sent = {
        (stream.tenant_id, stream.stream_id, new.event_id): (stream, new.event)
        for stream, new in (batch.appended.values() if repeated else ())
    }
    for one in repeated:
        stood = one.event
        if not isinstance(stood, UsageRecorded) or not stood.archived:
            continue
        stream, event = sent[one.tenant_id, one.stream_id, one.event_id]
        # Of a form that is sent no more, no digest was kept: what it says cannot be compared.
        if stood.archived.digest not in ("", digest_of(event)):
            raise OtherContent(stream, one.event_id)


def conflict(index: int, *, stored: codec.Event, sent: codec.Event) -> BadEvent:
    event = cast(UsageRecorded, sent)
    digests = {"stored_digest": digest_of(stored), "sent_digest": digest_of(sent)}
    return BadEvent(
        index,
        f"The event {event.id!r} of {event.source!r} was sent before with other content: its "
        f"digest was {digests['stored_digest']}, and is {digests['sent_digest']} now. "
        "Give a new event a new id.",
        {"source": event.source, "id": event.id, **digests},
    )


def digest_of(event: codec.Event) -> str:
    """Return the digest of what was sent, also where that is archived by now."""
    recorded = cast(UsageRecorded, event)
    if recorded.archived:
        return recorded.archived.digest
    type, data = corrections.as_sent(recorded)
    return digest(type=type, time=recorded.time, data=data)
