"""Lago's events on the wire, and as the CloudEvents that they become. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Context, Decimal
from math import ceil
from typing import Any

import msgspec

SOURCE = "lago"  # the source of all events that come this way
MOST = 100  # events of a batch
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 253_402_300_799  # seconds: the end of the year 9999
MICROSECONDS = Decimal(1_000_000)
WHOLE = Context(prec=30, rounding=ROUND_DOWN)  # more than the digits of a time
SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")  # Decimal reads 1_000, too

LONGEST = 500  # characters of a name
TOO_LONG = "value_is_too_long"
MANDATORY, BAD_FORMAT, EXISTS = "value_is_mandatory", "invalid_format", "value_already_exist"
NO_SUBSCRIPTION, NOT_SERVED = "subscription_not_found", "not_supported"
NULL = msgspec.Raw(b"null")

Wrong = dict[str, list[str]]  # codes by field


class LagoEvent(msgspec.Struct, kw_only=True):
    """An event as Lago's clients send it. What is missing is told by :func:`wrong_with`."""

    transaction_id: str | None = None
    external_subscription_id: str | None = None
    code: str | None = None
    timestamp: msgspec.Raw = NULL  # a number of seconds, or one in a string
    properties: msgspec.Raw = NULL
    precise_total_amount_cents: str | None = None


class One(msgspec.Struct):
    event: LagoEvent


class Many(msgspec.Struct):
    events: list[LagoEvent]


class BadTime(Exception):
    """It is no number of seconds."""


def wrong_with(event: LagoEvent) -> Wrong:
    """Return Lago's codes for what is wrong with an event, by field."""
    wrong: Wrong = {}
    for name in ("transaction_id", "external_subscription_id", "code"):
        if code := _wrong_name(getattr(event, name)):
            wrong[name] = [code]
    try:
        time_of(event.timestamp)
    except BadTime:
        wrong["timestamp"] = [BAD_FORMAT]
    if bytes(event.properties)[:1] not in (b"{", b"n"):
        wrong["properties"] = [BAD_FORMAT]
    if event.precise_total_amount_cents is not None:
        wrong["precise_total_amount_cents"] = [NOT_SERVED]
    return wrong


def _wrong_name(name: str | None) -> str:
    if not name:
        return MANDATORY
    if "\0" in name:
        return BAD_FORMAT
    return TOO_LONG if len(name) > LONGEST else ""


def time_of(timestamp: msgspec.Raw) -> datetime | None:
    """Return the time of so many seconds, cut to the microsecond; None where it is null.

    Raises BadTime.
    """
    text = bytes(timestamp).decode()
    if text == "null":
        return None
    number = text[1:-1] if text.startswith('"') else text
    seconds = Decimal(number) if SECONDS.fullmatch(number) else None
    if seconds is None or seconds > LATEST:
        raise BadTime
    return EPOCH + timedelta(microseconds=int(WHOLE.multiply(seconds, MICROSECONDS)))


def as_cloudevents(events: Sequence[LagoEvent], type_of: Callable[[str], str]) -> bytes:
    """Return a batch of CloudEvents in JSON; ``type_of`` says what type a code stands for."""
    return msgspec.json.encode(
        [
            {
                "specversion": "1.0",
                "id": event.transaction_id,
                "source": SOURCE,
                "type": type_of(event.code or ""),
                "subject": event.external_subscription_id,
                "time": time_of(event.timestamp),
                "data": event.properties,
            }
            for event in events
        ]
    )


def shown(event: LagoEvent, *, lago_id: str, now: datetime) -> dict[str, Any]:
    """Return what Lago answers for an event that was just accepted."""
    return shape(
        lago_id=lago_id,
        transaction_id=event.transaction_id or "",
        subscription=event.external_subscription_id or "",
        code=event.code or "",
        time=time_of(event.timestamp) or now,
        properties=event.properties,
        created_at=now,
    )


def shape(
    *,
    lago_id: str,
    transaction_id: str,
    subscription: str,
    code: str,
    time: datetime,
    properties: msgspec.Raw,
    created_at: datetime,
) -> dict[str, Any]:
    return {
        "lago_id": lago_id,
        "transaction_id": transaction_id,
        "lago_customer_id": None,
        "lago_subscription_id": None,
        "external_subscription_id": subscription,
        "code": code,
        "timestamp": moment(time),
        "precise_total_amount_cents": None,
        "properties": msgspec.Raw(b"{}") if bytes(properties) == b"null" else properties,
        "created_at": moment(created_at),
    }


def moment(time: datetime) -> str:
    """Return a time as Lago writes it: UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def meta(*, page: int, per_page: int, total: int) -> Mapping[str, int | None]:
    """Return where in a list a page is."""
    pages = ceil(total / per_page)
    return {
        "current_page": page,
        "next_page": page + 1 if page < pages else None,
        "prev_page": page - 1 if page > 1 else None,
        "total_pages": pages,
        "total_count": total,
    }
