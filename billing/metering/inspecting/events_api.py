"""The list of events, for programs: what came, and why what does not count does not."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from ninja import Field, Query, Schema

from billing.metering import parameters
from billing.metering.ingesting.cloudevents import JSON
from billing.metering.inspecting import explaining, listing
from billing.metering.inspecting.explaining import Explained
from billing.metering.inspecting.listing import Wanted
from billing.metering.shapes import Moment, Shape
from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.models import ApiKey, Organisation
from catacloud.storable import STORABLE

WINDOW = timedelta(hours=72)
Text = Annotated[str | None, Field(max_length=500, pattern=STORABLE)]


class EventOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """A CloudEvent as it came; its time is that of its arrival where it had none."""

    id: str
    source: str
    specversion: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class ListedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    event: EventOut
    customerId: UUID
    ingestedAt: datetime
    storedAt: datetime
    validationError: str | None = None


class CloudEventSchema(Schema):
    id: str
    source: str
    specversion: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str | None = None
    data: dict[str, Any] | None = None


class ListedEventSchema(Schema):
    """An event that was taken. It counts for every service that knows it, if nothing is wrong."""

    event: CloudEventSchema
    customerId: Annotated[UUID, Field(description="The organisation's id.")]
    ingestedAt: datetime
    storedAt: datetime
    validationError: Annotated[
        str | None, Field(description="Why it does not count, in words; absent where it does.")
    ] = None


class Asked(Shape):
    """Which events to list."""

    from_: Annotated[
        Moment | None, Field(alias="from", description="Events of this time and later.")
    ] = None
    to: Annotated[Moment | None, Field(description="Events before this time.")] = None
    ingested_at_from: Moment | None = None
    ingested_at_to: Moment | None = None
    id: Text = None
    subject: Text = None
    customer_id: Annotated[list[UUID] | None, Field(description="Ids of organisations.")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    client_id: Annotated[
        str | None, Field(description="OpenMeter's clients may send it; it changes nothing.")
    ] = None


KNOWN = parameters.known(Asked)


def list_events(request: KeyRequest, asked: Query[Asked]) -> HttpResponse:
    """List events of the last 72 hours, or of a given time, the newest first.

    A platform key sees those of all organisations, an organisation's key its own. Ids and subjects
    are given in full; a subject is an organisation's slug or its external key. A parameter that is
    not known is a 400, for a misspelled filter would list everything.
    """
    parameters.refuse_others(request, KNOWN)
    wanted = Wanted(
        organisations=_organisations(request.auth, asked.subject, asked.customer_id),
        since=asked.from_ or timezone.now() - WINDOW,
        until=asked.to,
        recorded_since=asked.ingested_at_from,
        recorded_until=asked.ingested_at_to,
        id=asked.id,
    )
    found = explaining.explain(listing.read(wanted, limit=asked.limit))
    content = msgspec.json.encode([listed(one) for one in found])
    return HttpResponse(content, content_type=JSON)


def listed(explained: Explained) -> ListedEvent:
    """Write an event as OpenMeter does."""
    stored, event = explained.stored, explained.stored.event
    has_data = bytes(event.data) != b"null"
    return ListedEvent(
        event=EventOut(
            id=event.id,
            source=event.source,
            specversion="1.0",
            type=event.type,
            subject=stored.subject,
            time=stored.place.occurred_at.astimezone(UTC),
            datacontenttype=JSON if has_data else None,
            data=event.data,
        ),
        customerId=stored.organisation_id,
        ingestedAt=stored.recorded_at.astimezone(UTC),
        storedAt=stored.recorded_at.astimezone(UTC),
        validationError=" ".join(explained.reasons) or None,
    )


def _organisations(
    key: ApiKey, subject: str | None, customers: list[UUID] | None
) -> list[UUID] | None:
    """Return whose events are asked for, as far as the key may see them; None means all."""
    if key.organisation is None and subject is None and customers is None:
        return None
    found = Organisation.objects.all()
    if key.organisation is not None:
        found = found.filter(pk=key.organisation.pk)
    if subject is not None:
        found = found.filter(Q(slug=subject) | Q(external_key=subject))
    if customers is not None:
        found = found.filter(pk__in=customers)
    return list(found.values_list("pk", flat=True))
