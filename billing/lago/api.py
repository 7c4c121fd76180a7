"""Lago's API, as far as it is about usage: its clients work by another address alone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, NinjaAPI, Query, Schema

from billing.lago import errors, events, parameters, usage, wire
from billing.lago.errors import LagoError, not_found
from billing.lago.openapi import (
    BATCH_BODY,
    EVENT,
    EVENT_BODY,
    EVENTS,
    EVENTS_PAGE,
    USAGE,
    described,
)
from billing.lago.wire import Many, One
from billing.metering.ingesting import rate, tally
from billing.metering.shapes import WRITTEN
from catacloud import bodies
from catacloud.accounts.api_keys import ApiKeyAuth, KeyRequest
from catacloud.accounts.organisations import called
from catacloud.accounts.stopping import UsageStopped
from catacloud.storable import STORABLE
from eventstore.rows import encode_json

api = NinjaAPI(
    title="Lago",
    version="1",
    urls_namespace="lago",
    auth=ApiKeyAuth(),
    docs_url=None,
    openapi_url=None,
)
errors.register(api)


Text = Annotated[str, Field(min_length=1, pattern=STORABLE)]


class EventFilter(Schema):
    """Which events to list, and which page of them."""

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 20
    external_subscription_id: Annotated[
        str | None, Field(description="The organisation; a platform's key has to name it.")
    ] = None
    code: Text | None = None
    timestamp_from: Annotated[datetime, WRITTEN] | None = None
    timestamp_to: Annotated[datetime, WRITTEN] | None = None


class UsageFilter(Schema):
    """Whose usage, and of which charge."""

    external_subscription_id: Annotated[str, Field(min_length=1)]
    charge_id: str | None = None
    filter_by_charge_id: Annotated[str | None, Field(description="As Lago named it first.")] = None
    charge_code: str | None = None
    filter_by_charge_code: Annotated[str | None, Field(description="As Lago named it first.")] = (
        None
    )
    billable_metric_code: str | None = None

    @property
    def charges(self) -> usage.Wanted:
        """Which charges are meant; what a charge is for is its code, and that of its metric."""
        ids = (self.charge_id, self.filter_by_charge_id)
        codes = (self.charge_code, self.filter_by_charge_code, self.billable_metric_code)
        return usage.Wanted(
            ids=[one for one in ids if one is not None],
            codes=[one for one in codes if one is not None],
        )


@api.post(
    "/events",
    summary="Send an event",
    openapi_extra=described(EVENT_BODY, EVENT, 400, 413, 415, 422, 429),
)
def send_event(request: KeyRequest) -> HttpResponse:
    """Store one event: the `code` is its CloudEvents type, or the slug of a service.

    422 `value_already_exist` where the subscription sent that transaction before.
    """
    with _counted():
        one = _read(request, One)
        headers = _take(request, 1)
        shown = events.take_one(one.event, key=request.auth, now=timezone.now())
    return _answer({"event": shown}, headers)


@api.post(
    "/events/batch",
    summary="Send up to 100 events",
    openapi_extra=described(BATCH_BODY, EVENTS, 400, 413, 415, 422, 429),
)
def send_events(request: KeyRequest) -> HttpResponse:
    """Store all of them, or none where one is wrong.

    What was stored before with the same content is taken as stored, so a batch whose answer was
    lost can be sent again as it is; with other content it is a 422 `value_already_exist`.
    """
    with _counted():
        many = _read(request, Many)
        headers = _take(request, len(many.events))
        shown = events.take_batch(many.events, key=request.auth, now=timezone.now())
    return _answer({"events": shown}, headers)


@api.get(
    "/events", summary="List events", openapi_extra=described(None, EVENTS_PAGE, 404, 422, 501)
)
def list_events(request: KeyRequest, wanted: Query[EventFilter]) -> HttpResponse:
    """List the events of an organisation, whoever sent them, the newest first.

    Up to 100,000 are counted: `total_count` is no more than that. As in Lago, a parameter that is
    not known has no effect; `timestamp_from_started_at` is Lago's, and a 501 here.
    """
    parameters.refuse(request.GET, parameters.OF_EVENTS)
    listed, meta = events.page_of(
        key=request.auth,
        subscription=wanted.external_subscription_id,
        code=wanted.code,
        first=_utc(wanted.timestamp_from),
        last=_utc(wanted.timestamp_to),
        page=wanted.page,
        per_page=wanted.per_page,
    )
    return _answer({"events": listed, "meta": meta})


@api.get(
    "/events/{transaction_id}",
    summary="Show an event",
    openapi_extra=described(None, EVENT, 404, 422),
)
def show_event(
    request: KeyRequest, transaction_id: str, external_subscription_id: str | None = None
) -> HttpResponse:
    """Show an event that was sent here, by its transaction."""
    found = events.find(transaction_id, subscription=external_subscription_id, key=request.auth)
    return _answer({"event": found})


@api.get(
    "/customers/{external_customer_id}/current_usage",
    summary="Show what a customer used this month, and its price so far",
    openapi_extra=described(None, USAGE, 404, 422, 501),
)
def show_current_usage(
    request: KeyRequest, external_customer_id: str, wanted: Query[UsageFilter]
) -> HttpResponse:
    """Rate its calendar month so far as its invoice would be; there are no taxes in it.

    The customer and the subscription are both the organisation, by its slug or external key. As in
    Lago, a parameter that is not known has no effect; `group`, `filter_by_presentation` and
    `full_usage` are Lago's, and a 501 here.
    """
    parameters.refuse(request.GET, parameters.OF_USAGE)
    customer = called(external_customer_id, key=request.auth)
    if customer is None:
        raise not_found("customer")
    if called(wanted.external_subscription_id, key=request.auth) != customer:
        raise not_found("subscription")
    told = usage.current_usage(customer, wanted=wanted.charges, now=timezone.now())
    return _answer({"customer_usage": told})


@contextmanager
def _counted() -> Iterator[None]:
    """Count a request with events for Prometheus, by the status that it is answered with."""
    try:
        yield
    except LagoError as error:
        tally.answered(error.status)
        raise
    except UsageStopped:
        tally.answered(402)
        raise
    tally.answered(200)


def _read(request: HttpRequest, kind: type[Any]) -> Any:
    try:
        body = bodies.read(request, at_most=settings.MAX_INGEST_BYTES)
        body.decode()  # msgspec leaves the times and properties as they came, and looks at no text
        return msgspec.json.decode(body, type=kind)
    except bodies.BodyIsCoded as error:
        headers = {"Accept-Encoding": "identity"}
        raise LagoError(415, code="unsupported_media_type", headers=headers) from error
    except bodies.BodyTooLarge as error:
        raise LagoError(413, code="request_too_large") from error
    except RecursionError as error:
        raise errors.unreadable("It is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.unreadable(f"{error}.") from error


def _take(request: KeyRequest, count: int) -> Mapping[str, str]:
    """Count the events against the key's rate; return what headers say of it. Raises LagoError."""
    taken = rate.take(request.auth, count)
    if taken is None:
        return {}
    if not taken.passed:
        raise LagoError(429, code="too_many_requests", headers=taken.headers)
    return taken.headers


def _answer(content: object, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(encode_json(content), content_type="application/json", headers=headers)


def _utc(time: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC, as Lago does. Raises LagoError."""
    if time is None or time.tzinfo is None:
        return time and time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise errors.invalid({"timestamp": [wire.BAD_FORMAT]}) from error
