"""What OpenAPI says of bodies and answers in Lago's shapes. Pure."""

from typing import Any

Described = dict[str, Any]

TEXT: Described = {"type": "string"}
OR_NULL: Described = {"type": ["string", "null"]}
COUNT: Described = {"type": "integer"}
PROPERTIES: Described = {"type": ["object", "null"], "examples": [{"seconds": "12.5"}]}


def _object(required: list[str] | None = None, **properties: Described) -> Described:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


SENT = _object(
    ["transaction_id", "external_subscription_id", "code"],
    transaction_id=TEXT | {"minLength": 1, "maxLength": 500},
    external_subscription_id=TEXT | {"minLength": 1, "maxLength": 500},
    code=TEXT | {"minLength": 1, "maxLength": 500, "examples": ["execution-time"]},
    timestamp={
        "type": ["integer", "number", "string", "null"],
        "description": "Seconds since 1970, also with a fraction or in a string; else now.",
        "examples": [1793880000],
    },
    properties=PROPERTIES,
    precise_total_amount_cents={"type": "null"},
)
STORED = _object(
    lago_id=TEXT,
    transaction_id=TEXT,
    lago_customer_id=OR_NULL,
    lago_subscription_id=OR_NULL,
    external_subscription_id=TEXT,
    code=TEXT,
    timestamp=TEXT,
    precise_total_amount_cents=OR_NULL,
    properties={"type": "object"},
    created_at=TEXT,
)
META = _object(
    current_page=COUNT,
    next_page={"type": ["integer", "null"]},
    prev_page={"type": ["integer", "null"]},
    total_pages=COUNT,
    total_count=COUNT,
)
CHARGE = _object(
    units=TEXT,
    total_aggregated_units=TEXT,
    events_count=COUNT,
    amount_cents=COUNT,
    amount_currency=TEXT,
    charge=_object(lago_id=TEXT, charge_model=TEXT, invoice_display_name=OR_NULL),
    billable_metric=_object(lago_id=TEXT, name=TEXT, code=TEXT, aggregation_type=TEXT),
    filters={"type": "array", "items": {"type": "object"}},
    grouped_usage={"type": "array", "items": {"type": "object"}},
)
CUSTOMER_USAGE = _object(
    from_datetime=TEXT,
    to_datetime=TEXT,
    issuing_date=TEXT,
    lago_invoice_id=OR_NULL,
    currency=TEXT,
    amount_cents=COUNT,
    taxes_amount_cents=COUNT,
    total_amount_cents=COUNT,
    charges_usage={"type": "array", "items": CHARGE},
)

EVENT_BODY = _object(event=SENT)
BATCH_BODY = _object(events={"type": "array", "items": SENT, "minItems": 1, "maxItems": 100})
EVENT = _object(event=STORED)
EVENTS = _object(events={"type": "array", "items": STORED})
EVENTS_PAGE = _object(events={"type": "array", "items": STORED}, meta=META)
USAGE = _object(customer_usage=CUSTOMER_USAGE)

ERROR = _object(
    ["status", "error"],
    status=COUNT,
    error=TEXT,
    code=TEXT,
    error_details={
        "type": "object",
        "description": "What is wrong, by field; of a batch, by the index of the event.",
    },
)
REFUSALS = {
    400: "The body is not JSON, or not in this shape.",
    401: "The key is missing or wrong.",
    404: "There is nothing like it that this key may see: `code` says what is missing.",
    413: "The body is too large.",
    415: "The body is compressed: send it as it is.",
    422: "Something is wrong with what was sent: `error_details` says with which field. Nothing "
    "was stored.",
    429: "The key sends more events per second than it may: wait as `x-ratelimit-reset` says.",
    501: "The parameter that `error_details` names is Lago's, and is not served here.",
}


def described(body: Described | None, answer: Described, *refused: int) -> Described:
    """Return what an operation takes and answers."""
    responses: dict[int, Described] = {
        200: {"description": "OK", "content": {"application/json": {"schema": answer}}}
    }
    for status in (*refused, 401):
        content = {"application/json": {"schema": ERROR}}
        responses[status] = {"description": REFUSALS[status], "content": content}
    said: Described = {"responses": responses}
    if body:
        said["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    return said
