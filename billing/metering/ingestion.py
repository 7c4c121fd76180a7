"""Accept usage events: CloudEvents 1.0 from services, checked and appended as a whole.

An event is known by its organisation, source and id. Sent again, it changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID, uuid5

import msgspec
from django.db import DataError, connection, transaction

from billing.metering.events import STREAM_TYPE, UsageRecorded
from billing.metering.models import Service
from catacloud.accounts.models import ApiKey, Organisation
from eventstore import store
from eventstore.events import Metadata, StreamKey
from eventstore.store import Append, NewEvent, OtherContent

MAX_BATCH = 10_000  # events
MAX_AHEAD = timedelta(minutes=5)  # how far a sender's clock may be ahead of ours
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # late is welcome, but this is a mistake
MAX_DECIMALS = 12  # of a quantity, as the daily tables keep them
MAX_QUANTITY = Decimal(10) ** 30

NAMESPACE = UUID("7c9fba2e-3b61-4f0c-8a53-1f8f4c6d2b90")
UNREADABLE = (msgspec.DecodeError, RecursionError)  # the latter of JSON that is nested too deeply

# PostgreSQL's text knows no NUL.
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A usage event as it is sent. ``subject`` is the organisation's slug."""

    specversion: Literal["1.0"]
    id: Text
    source: Text
    type: Text
    subject: Text | None = None
    time: Time | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class BadEvent:
    """What is wrong with the event at an index of the batch."""

    index: int
    reason: str


class BadBatch(Exception):
    """Some events cannot be accepted, and so none of the batch was."""

    def __init__(self, bad: Sequence[BadEvent]) -> None:
        super().__init__(f"{len(bad)} of the events cannot be accepted; nothing was stored.")
        self.bad = list(bad)


class SentDifferently(Exception):
    """An event was accepted before with other content, and so none of the batch was now."""

    def __init__(self, event: CloudEvent) -> None:
        super().__init__(
            f"The event {event.id!r} of {event.source!r} was sent before with other content; "
            "nothing was stored. Give a new event a new id."
        )
        self.source, self.id = event.source, event.id


class _Refused(Exception):
    """One event cannot be accepted, and why."""


def parse(body: bytes) -> list[CloudEvent]:
    """Read one CloudEvent, or a JSON array of them. Raises BadBatch."""
    events, bad = [], []
    for index, one in enumerate(_split(body)):
        try:
            events.append(msgspec.json.decode(one, type=CloudEvent))
        except UNREADABLE as error:
            bad.append(BadEvent(index, f"{error}."))
    if not events and not bad:
        bad.append(BadEvent(0, "The batch holds no event."))
    if len(events) + len(bad) > MAX_BATCH:
        bad = [BadEvent(MAX_BATCH, f"A batch holds at most {MAX_BATCH} events: send several.")]
    if bad:
        raise BadBatch(bad)
    return events


def _split(body: bytes) -> list[msgspec.Raw]:
    """Cut a batch into its events without reading them, so that each can be refused by itself."""
    if not body.lstrip().startswith(b"["):
        return [msgspec.Raw(body)]
    try:
        return msgspec.json.decode(body, type=list[msgspec.Raw])
    except UNREADABLE as error:
        raise BadBatch([BadEvent(0, f"The batch is not a JSON array: {error}.")]) from error


def accept(events: Sequence[CloudEvent], *, key: ApiKey, now: datetime) -> int:
    """Append the events to their organisations' streams; return how many were new.

    All or nothing. Raises BadBatch, which names each event that cannot be accepted and why, and
    SentDifferently.
    """
    senders = _organisations(events, key)
    services = {service.event_type: service for service in Service.objects.all()}
    appends, bad = [], []
    for index, event in enumerate(events):
        try:
            appends.append(_append_of(event, senders, services, key=key, now=now))
        except _Refused as refusal:
            bad.append(BadEvent(index, str(refusal)))
    if bad:
        raise BadBatch(bad)
    try:
        with transaction.atomic():  # so that after an error the database can be asked why
            return store.append(appends, metadata=Metadata(actor=f"key {key.prefix}")).new
    except DataError as error:
        raise BadBatch(list(_unstorable(events))) from error
    except OtherContent as error:
        stands = (error.key.stream_id, error.event_id)
        named = (one for one in events if (_stream_id(one), _event_id(one)) == stands)
        raise SentDifferently(next(named)) from error


def _stream_id(event: CloudEvent) -> UUID:
    return uuid5(NAMESPACE, event.source)


def _event_id(event: CloudEvent) -> UUID:
    return uuid5(NAMESPACE, event.id)


def _unstorable(events: Sequence[CloudEvent]) -> Iterator[BadEvent]:
    """Ask the database which data it cannot hold: a NUL, half a character, a number too large."""
    for index, event in enumerate(events):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT %s::jsonb", [bytes(event.data).decode()])
        except DataError as error:
            reason = str(error).splitlines()[0]
            yield BadEvent(index, f"Its data cannot be stored: {reason}.")


def _organisations(events: Sequence[CloudEvent], key: ApiKey) -> dict[str | None, UUID]:
    """Return the ids of the organisations that the key may speak for, by subject."""
    if key.organisation is not None:
        return {key.organisation.slug: key.organisation.id, None: key.organisation.id}
    subjects = {event.subject for event in events if event.subject}
    found = Organisation.objects.filter(slug__in=subjects).values_list("slug", "id")
    return dict[str | None, UUID](found)


def _append_of(
    event: CloudEvent,
    organisations: Mapping[str | None, UUID],
    services: Mapping[str, Service],
    *,
    key: ApiKey,
    now: datetime,
) -> Append:
    if event.subject not in organisations:
        raise _Refused(f"There is no organisation {event.subject!r} that this key may speak for.")
    if event.type not in services:
        raise _Refused(f"No service counts events of the type {event.type!r}.")
    occurred_at = event.time or now
    if occurred_at > now + MAX_AHEAD:
        raise _Refused(f"The time {occurred_at.isoformat()} is in the future: check your clock.")
    if occurred_at < EARLIEST:
        raise _Refused(f"The time {occurred_at.isoformat()} is before {EARLIEST.year}.")
    service = services[event.type]
    recorded = UsageRecorded(
        service=service.slug,
        quantity=_quantity(event, service),
        type=event.type,
        source=event.source,
        id=event.id,
        data=event.data,
    )
    return Append(
        key=StreamKey(organisations[event.subject], _stream_id(event), STREAM_TYPE),
        events=[NewEvent(event=recorded, occurred_at=occurred_at, event_id=_event_id(event))],
    )


def _quantity(event: CloudEvent, service: Service) -> Decimal:
    """Return the exact quantity, sent as a JSON number or as a decimal string."""
    field = service.quantity_field
    try:
        data = msgspec.json.decode(event.data, type=dict[str, msgspec.Raw])
        quantity = msgspec.json.decode(data[field], type=Decimal)
    except (KeyError, msgspec.MsgspecError):
        raise _Refused(f"data.{field} must be a number, or a decimal in a string.") from None
    if not quantity.is_finite() or quantity.copy_abs() > MAX_QUANTITY:
        raise _Refused(f"data.{field} must lie between -10³⁰ and 10³⁰.")
    if int(quantity.as_tuple().exponent) < -MAX_DECIMALS:
        raise _Refused(f"data.{field} may have at most {MAX_DECIMALS} decimals.")
    if quantity < 0 and service.aggregation == Service.Aggregation.COUNTER:
        raise _Refused(f"data.{field} may not be negative: {service.name} only adds up.")
    return quantity
