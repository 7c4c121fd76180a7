"""The list of events, for programs: what came, and why what does not count does not."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from ninja import Field, Query, Schema

from billing.metering import explaining, listing
from billing.metering.cloudevents import JSON
from billing.metering.explaining import Explained
from billing.metering.listing import Wanted
from billing.metering.shapes import Moment
from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.models import ApiKey, Organisation

WINDOW = timedelta(hours=72)
Text = Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")]


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


def list_events(
    request: KeyRequest,
    since: Annotated[
        Moment | None, Query(alias="from", description="Events of this time and later.")
    ] = None,
    to: Annotated[Moment | None, Query(description="Events before this time.")] = None,
    ingestedAtFrom: Moment | None = None,
    ingestedAtTo: Moment | None = None,
    id: Text = None,
    subject: Text = None,
    customerId: Annotated[list[UUID] | None, Query(description="Ids of organisations.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> HttpResponse:
    """List events of the last 72 hours, or of a given time, the newest first.

    A platform key sees those of all organisations, an organisation's key its own. Ids and subjects
    are given in full; a subject is an organisation's slug or its external key.
    """
    wanted = Wanted(
        organisations=_organisations(request.auth, subject, customerId),
        since=since or timezone.now() - WINDOW,
        until=to,
        recorded_since=ingestedAtFrom,
        recorded_until=ingestedAtTo,
        id=id,
    )
    found = explaining.explain(listing.read(wanted, limit=limit))
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
