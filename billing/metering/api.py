"""The door for usage events, in and out."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from billing.metering import parameters
from billing.metering.ingesting import cloudevents, data_limits, ingestion, rate, tally
from billing.metering.ingesting.cloudevents import BadBatch, BadEvent, CloudEvent
from billing.metering.inspecting import events_api
from catacloud import bodies
from catacloud.accounts.api_keys import KeyRequest
from catacloud.problems import MEDIA_TYPE, Problem
from eventstore.rows import encode_json

router = Router()

# Read by msgspec and not by ninja, for speed; so the description has to say what ninja cannot see.
CLOUD_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "With the source, names the event for ever."},
        "source": {"type": "string"},
        "type": {"type": "string", "examples": ["catacloud.execution.finished"]},
        "subject": {
            "type": ["string", "null"],
            "description": "The organisation's slug or external key. "
            "Not needed with an organisation's own key.",
        },
        "time": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "Now, if it is missing.",
        },
        "datacontenttype": {"enum": [cloudevents.JSON, None]},
        "dataschema": {"type": ["string", "null"]},
        "data": {
            "type": ["object", "null"],
            "examples": [{"seconds": "12.5"}],
            "description": f"Nested at most {data_limits.MAX_DEPTH} deep.",
        },
    },
}
BATCH = {
    "type": "array",
    "items": CLOUD_EVENT,
    "minItems": 1,
    "maxItems": cloudevents.MAX_BATCH,
}
BODY = {
    "required": True,
    "content": {
        content_type: {"schema": {"oneOf": [CLOUD_EVENT, BATCH]}}
        for content_type in cloudevents.CONTENT_TYPES
    },
}
OUTCOMES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": {"type": "integer"},
            "status": {"enum": ["accepted", "repeated", "refused"]},
            "reason": {"type": "string", "description": "Why it was refused."},
            "conflict": {
                "type": "boolean",
                "description": "True where it was sent, or corrected, before with other content.",
            },
        },
    },
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
REFUSALS = {
    400: "An event is bad: `errors` has the index and the reason of each. Or a parameter is not "
    "known. Nothing was stored.",
    401: "The key is missing or wrong.",
    402: "The organisation's budget is used up, and it chose to take nothing new then.",
    409: "An event was sent before with other content: `stored_digest` and `sent_digest` name "
    "both. Or the event that it corrects was corrected before. Nothing was stored.",
    413: "The body or the number of events is over the limit: send several batches.",
    415: "The body is compressed: send it as it is.",
    429: "The key sends more events per second than it may: wait as long as `Retry-After` says.",
}
RESPONSES = {
    200: {
        "description": "With `partial=true`: what became of each event.",
        "content": {"application/json": {"schema": OUTCOMES}},
    },
    204: {"description": "All events stand durably."},
    **{
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": PROBLEM}}}
        for status, text in REFUSALS.items()
    },
}

KNOWN = ("partial", "clientId")  # which OpenMeter's clients may send anywhere


@router.post(
    "/events",
    response={204: None},
    summary="Send usage events",
    openapi_extra={"requestBody": BODY, "responses": RESPONSES},
)
def send_events(request: KeyRequest, partial: bool = False) -> HttpResponse:
    """Take one CloudEvent 1.0 or an array of them: all, or none where one is bad.

    204 means that all of them stand durably. An event that was sent before changes nothing, so a
    request may be repeated as it is. 409 names those that were sent before with other content; then
    nothing was stored. With `partial=true` the good ones are stored, and 200 says what became of
    each. In HTTP's binary mode the attributes are headers `ce-…`, and the body is the data.

    An event of the type `catacloud.usage.voided` takes another one back, which its data name:
    `{"source": …, "id": …, "reason": …}`. One of the type `catacloud.usage.replaced` does so too,
    and counts instead: its data hold besides the `type` and the `data` of the usage as it should
    have been, and its `time` is that of the usage. Both events remain, and figures follow. What is
    named may come later. An event is corrected once: 409 says which event did it before. A void
    stands, so what was voided by mistake is sent as a new event; what replaced another is an event
    like any other, which the next correction names. Corrections that lead back to themselves, as
    two that name each other, are refused: nothing would count. What this changes in a period that
    is invoiced is a line on the next invoice.
    """
    try:
        return _send(request, partial=partial)
    except Problem as problem:
        tally.refused(problem)
        raise


router.get(  # of the same router, for an address has one set of methods
    "/events", response=list[events_api.ListedEventSchema], summary="List usage events"
)(events_api.list_events)


def _send(request: KeyRequest, *, partial: bool) -> HttpResponse:
    parameters.refuse_others(request, KNOWN)
    try:
        events = _read(request)
        headers = _take(request, len(events))
        now = timezone.now()
        if partial:
            outcomes = ingestion.accept_each(events, key=request.auth, now=now)
            tally.taken_in_part(outcomes)
            content = encode_json(outcomes)
            return HttpResponse(content, content_type="application/json", headers=headers)
        new = ingestion.accept(ingestion.all_good(events), key=request.auth, now=now)
    except cloudevents.UnknownContentType as error:
        raise Problem(400, str(error)) from error
    except BadBatch as error:
        raise _problem(error) from error
    tally.taken(new=new, repeated=len(events) - new)
    return HttpResponse(status=204, headers=headers)


def _read(request: HttpRequest) -> Sequence[CloudEvent | BadEvent]:
    content_type = request.headers.get("content-type", "")
    if "ce-specversion" in request.headers and not cloudevents.is_structured(content_type):
        return cloudevents.read_binary(
            {name.lower(): value for name, value in request.headers.items()}, _body(request)
        )
    if cloudevents.media_type(content_type) not in cloudevents.CONTENT_TYPES:
        raise cloudevents.UnknownContentType(content_type)
    return cloudevents.read(_body(request))


def _body(request: HttpRequest) -> bytes:
    limit = settings.MAX_INGEST_BYTES
    try:
        return bodies.read(request, at_most=limit)
    except bodies.BodyIsCoded as error:
        raise Problem(415, f"{error}.", headers={"Accept-Encoding": "identity"}) from error
    except bodies.BodyTooLarge as error:
        raise Problem(413, f"{error}: send several batches.", max_bytes=limit) from error


def _take(request: KeyRequest, events: int) -> Mapping[str, str]:
    """Count the events against the key's rate; return what headers say of it."""
    taken = rate.take(request.auth, events)
    if taken is None:
        return {}
    if not taken.passed:
        detail = f"This key may send {taken.per_second} events per second: wait, then send again."
        raise Problem(429, detail, headers=taken.headers)
    return taken.headers


def _problem(error: BadBatch) -> Problem:
    errors = [{"index": bad.index, "reason": bad.reason, **bad.facts} for bad in error.bad]
    if isinstance(error, cloudevents.TooManyEvents):
        return Problem(413, error.bad[0].reason, max_events=cloudevents.MAX_BATCH)
    if isinstance(error, ingestion.SentDifferently):
        members: dict[str, Any] = {**error.bad[0].facts, "errors": errors}
        return Problem(409, str(error), **members)
    return Problem(400, str(error), errors=errors)
