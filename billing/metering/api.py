"""The door for usage events."""

from django.http import HttpResponse
from django.utils import timezone
from ninja import Router

from billing.metering import ingestion
from catacloud.accounts.api_keys import KeyRequest
from catacloud.problems import Problem

router = Router()

CONTENT_TYPES = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
)

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
            "type": "string",
            "description": "The organisation's slug. Not needed with an organisation's own key.",
        },
        "time": {"type": "string", "format": "date-time", "description": "Now, if it is missing."},
        "data": {"type": "object", "examples": [{"seconds": "12.5"}]},
    },
}
BODY = {
    "required": True,
    "content": {
        content_type: {"schema": {"oneOf": [CLOUD_EVENT, {"type": "array", "items": CLOUD_EVENT}]}}
        for content_type in CONTENT_TYPES
    },
}


@router.post(
    "/events",
    response={204: None},
    summary="Send usage events",
    openapi_extra={"requestBody": BODY},
)
def send_events(request: KeyRequest) -> HttpResponse:
    """Take one CloudEvent 1.0 or an array of them: all, or none where one is bad.

    204 means that all of them stand durably. An event that was sent before changes nothing, so a
    request may be repeated as it is. 409 names one that was sent before with other content; then
    nothing was stored.
    """
    if request.content_type not in CONTENT_TYPES:
        raise Problem(400, f"Send CloudEvents as one of {', '.join(CONTENT_TYPES)}.")
    try:
        events = ingestion.parse(request.body)
        ingestion.accept(events, key=request.auth, now=timezone.now())
    except ingestion.BadBatch as error:
        errors = [{"index": bad.index, "reason": bad.reason} for bad in error.bad]
        raise Problem(400, str(error), errors=errors) from error
    except ingestion.SentDifferently as error:
        raise Problem(409, str(error), source=error.source, id=error.id) from error
    return HttpResponse(status=204)
