"""OpenMeter's second list of events: page by page, with a filter of any of their attributes."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpResponse
from ninja import Field, NinjaAPI, Query, Schema

from billing.metering import parameters
from billing.metering.ingesting.cloudevents import JSON
from billing.metering.inspecting import event_filters, explaining, listing
from billing.metering.inspecting.events_api import ListedEvent, ListedEventSchema, listed
from billing.metering.inspecting.listing import Place, Wanted
from billing.metering.querying.group_filters import BadFilter
from billing.metering.shapes import Shape
from catacloud import problems
from catacloud.accounts.api_keys import ApiKeyAuth, KeyRequest
from catacloud.problems import Problem

api = NinjaAPI(
    title="Catacloud",
    version="2",
    urls_namespace="api-2",
    auth=ApiKeyAuth(),
    docs_url=None,
    openapi_url=None,
)
problems.register(api)

FILTER = (
    "JSON: a filter for each of `id`, `source`, `type`, `subject`, `customerId` (texts: $eq, $ne, "
    "$in, $nin, $like and others), `time` and `ingestedAt` ($gt, $gte, $lt, $lte). All have to "
    "hold; $and and $or join filters of one field. A subject is the organisation's slug."
)
EXAMPLE = '{"type": {"$eq": "catacloud.execution.finished"}}'


class EventsPage(msgspec.Struct, frozen=True, omit_defaults=True):
    items: list[ListedEvent]
    nextCursor: str | None = None


class EventsPageSchema(Schema):
    """A page of events, the newest first."""

    items: list[ListedEventSchema]
    nextCursor: Annotated[
        str | None, Field(description="The cursor of the next page; absent with the last.")
    ] = None


class Asked(Shape):
    """Which page of which events."""

    cursor: Annotated[str | None, Field(description="`nextCursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Events a page.")] = 100
    client_id: Annotated[
        str | None, Field(description="OpenMeter's clients may send it; it changes nothing.")
    ] = None
    filter: Annotated[str | None, Field(description=FILTER, examples=[EXAMPLE])] = None


KNOWN = parameters.known(Asked)


@api.get("/events", response=EventsPageSchema, summary="List usage events by pages", tags=["Usage"])
def list_events_by_pages(request: KeyRequest, asked: Query[Asked]) -> HttpResponse:
    """List all events, the newest first by their time, page by page.

    A platform key sees those of all organisations, an organisation's key its own. What comes in
    meanwhile moves no event to another page.
    """
    parameters.refuse_others(request, KNOWN)
    own = request.auth.organisation
    wanted = _wanted(_read_filter(asked.filter), organisation=own.pk if own else None)
    rows = listing.read(wanted, limit=asked.limit + 1, before=_read_cursor(asked.cursor))
    shown = rows[: asked.limit]
    page = EventsPage(
        items=[listed(one) for one in explaining.explain(shown)],
        nextCursor=str(shown[-1].place) if len(rows) > asked.limit else None,
    )
    return HttpResponse(msgspec.json.encode(page), content_type=JSON)


def _read_cursor(text: str | None) -> Place | None:
    if text is None:
        return None
    try:
        return Place.read(text)
    except ValueError as error:
        detail = "The cursor is none of ours: give nextCursor of the page before, as it was."
        raise Problem(400, detail) from error


def _read_filter(text: str | None) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except RecursionError as error:
        raise Problem(400, "The filter is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        detail = f"The filter is no JSON object, such as {EXAMPLE}: {error}."
        raise Problem(400, detail) from error


def _wanted(asked: Mapping[str, Any], *, organisation: UUID | None) -> Wanted:
    """Return what is asked for: a single source or id and spans of time are found by an index."""
    try:
        found = event_filters.read(asked)
    except BadFilter as error:
        raise Problem(400, str(error)) from error
    return Wanted(
        organisations=None if organisation is None else [organisation],
        source=event_filters.exactly(asked, "source"),
        id=event_filters.exactly(asked, "id"),
        filter=found,
    )
