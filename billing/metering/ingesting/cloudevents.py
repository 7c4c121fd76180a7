"""Read CloudEvents 1.0 off the wire: structured, in batches, and in HTTP's binary mode. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from billing.metering.ingesting import data_limits

MAX_BATCH = 10_000  # events

JSON = "application/json"
CONTENT_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json", JSON)
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "dataschema")

UNREADABLE = (msgspec.DecodeError, RecursionError)  # the latter of JSON that is nested too deeply
# Sees where a value ends also where it holds NaN, half a character or a control character: some
# encoders write these, and they are no JSON, or no text.
LENIENT = json.JSONDecoder(parse_int=str, parse_float=str, strict=False)
HALF = re.compile(
    rb"(?<!\\)(?:\\\\)*"
    rb"(?:\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F])"
)
SPACE = re.compile(r"[ \t\n\r]*")

# A time of more decimals than microseconds have, which msgspec rounds: into the next hour, or year.
# An escaped character may be one of them.
FINE = re.compile(rb"\.\d{7}|\\u00[23]")
TOO_FINE = re.compile(r"(?<=\.\d{6})\d+")

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A usage event as it is sent. ``subject`` is the organisation: its slug or external key."""

    specversion: Literal["1.0"]
    id: Text
    source: Text
    type: Text
    subject: Text | None = None
    time: Time | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: msgspec.Raw = msgspec.Raw(b"null")


class _Timed(msgspec.Struct):
    """An event's time as it was written."""

    time: str | None = None


@dataclass(frozen=True, slots=True)
class BadEvent:
    """What is wrong with the event at an index of the batch; ``facts`` says more to programs."""

    index: int
    reason: str
    facts: Mapping[str, str] = field(default_factory=dict)


class BadBatch(Exception):
    """Some events cannot be accepted, and so none of the batch was."""

    def __init__(self, bad: Iterable[BadEvent]) -> None:
        self.bad = list(bad)
        count = len(self.bad)
        what = "One of the events" if count == 1 else f"{count} of the events"
        super().__init__(f"{what} cannot be accepted; nothing was stored. {self._first()}")

    def _first(self) -> str:
        return f"Event {self.bad[0].index}: {self.bad[0].reason}"


class NotEvents(BadBatch):
    """The body as a whole is neither an event nor an array of them: nothing in it is looked at."""

    def __init__(self, reason: str) -> None:
        super().__init__([BadEvent(0, reason)])
        self.args = (f"{reason} Nothing was stored.",)


class TooManyEvents(BadBatch):
    """A batch holds more events than are taken at once."""

    def __init__(self) -> None:
        super().__init__(
            [BadEvent(MAX_BATCH, f"A batch holds at most {MAX_BATCH} events: send several.")]
        )


class UnknownContentType(Exception):
    """The request's content type is none of those in which CloudEvents are sent."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"The content type {content_type!r} is not taken: send CloudEvents as one of "
            f"{', '.join(CONTENT_TYPES)}, or in binary mode with a JSON object as the body."
        )


def read(body: bytes) -> list[CloudEvent | BadEvent]:
    """Read one event or an array; each that is bad says why. Raises BadBatch where none is read."""
    _check_encoding(body)
    is_batch = body.lstrip().startswith(b"[")
    events: list[CloudEvent | BadEvent]
    try:  # all at once is far cheaper, and nearly always enough
        events = [*_BATCH.decode(body)] if is_batch else [_EVENT.decode(body)]
    except UNREADABLE:
        events = [_read_one(index, one) for index, one in enumerate(_split(body, is_batch))]
    if not events:
        raise NotEvents("The batch holds no event.")
    if len(events) > MAX_BATCH:
        raise TooManyEvents
    if FINE.search(body):
        _cut_times(events, _split(body, is_batch))
    suspicious = data_limits.needs_a_look(body)
    for index, event in enumerate(events):
        if isinstance(event, CloudEvent) and (
            reason := _wrong_data(event) or (suspicious and _wrong_when_stored(event))
        ):
            events[index] = BadEvent(index, reason)
    return events


def read_binary(headers: Mapping[str, str], body: bytes) -> list[CloudEvent | BadEvent]:
    """Read an event whose attributes are in headers ``ce-…`` and whose data are the body.

    Raises BadBatch, and UnknownContentType where the data are not said to be JSON.
    """
    content_type = headers.get("content-type", "")
    if content_type and media_type(content_type) != JSON:
        raise UnknownContentType(content_type)
    event: dict[str, object] = {
        name: _header_text(headers[f"ce-{name}"]) for name in ATTRIBUTES if f"ce-{name}" in headers
    }
    if body:
        _check_encoding(body)
        try:
            event["data"] = msgspec.json.decode(body, type=msgspec.Raw)
        except UNREADABLE as error:
            raise NotEvents(f"The body, its data, is not JSON: {_said(error, body)}.") from error
    return read(msgspec.json.encode(event))


def is_structured(content_type: str) -> bool:
    """Return whether the body says it all; headers may then repeat it."""
    return media_type(content_type).startswith("application/cloudevents")


def media_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


_EVENT = msgspec.json.Decoder(CloudEvent)
_TIMED = msgspec.json.Decoder(_Timed)
_BATCH = msgspec.json.Decoder(list[CloudEvent])


def _check_encoding(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise NotEvents(f"The body is not UTF-8 from byte {error.start} on.") from error


def _said(error: Exception, text: bytes) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if HALF.search(text):
        return "a text holds half of a character, a surrogate alone"
    return str(error)


def _read_one(index: int, raw: msgspec.Raw) -> CloudEvent | BadEvent:
    try:
        return _EVENT.decode(raw)
    except msgspec.ValidationError as error:
        return BadEvent(index, f"{error}.")
    except UNREADABLE as error:
        return BadEvent(index, f"It is not JSON: {_said(error, bytes(raw))}.")


def _cut_times(events: list[CloudEvent | BadEvent], written: Sequence[msgspec.Raw]) -> None:
    """Cut the times of events to microseconds, instead of rounding them."""
    for index, event in enumerate(events):
        if isinstance(event, CloudEvent) and event.time:
            text = _TIMED.decode(written[index]).time or ""
            if (cut := TOO_FINE.sub("", text)) != text:
                time = msgspec.convert(cut, type=datetime)
                events[index] = msgspec.structs.replace(event, time=time)


def _split(body: bytes, is_batch: bool) -> list[msgspec.Raw]:
    """Cut a batch into its events without reading them, so that each can be refused by itself."""
    if not body.strip():
        raise NotEvents("The body is empty: send an event, or an array of them.")
    try:
        if is_batch:
            return msgspec.json.decode(body, type=list[msgspec.Raw])
        return [msgspec.json.decode(body, type=msgspec.Raw)]
    except UNREADABLE as error:
        if is_batch and (found := _split_leniently(body.decode())):
            return found
        raise NotEvents(f"The body is not JSON: {_said(error, body)}.") from error


def _split_leniently(body: str) -> list[msgspec.Raw]:
    """Cut a batch some of whose events are no JSON; return none where it cannot be cut."""
    found: list[msgspec.Raw] = []
    at = _past_space(body, body.index("[") + 1)
    try:
        while True:
            start, (_, at) = at, LENIENT.raw_decode(body, at)
            found.append(msgspec.Raw(body[start:at].encode()))
            at = _past_space(body, at)
            if body[at] != ",":
                break
            at = _past_space(body, at + 1)
    except (ValueError, IndexError, RecursionError):
        return []
    return found if body[at] == "]" and _past_space(body, at + 1) == len(body) else []


def _past_space(text: str, at: int) -> int:
    return SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches nothing as well


def _wrong_data(event: CloudEvent) -> str:
    """Say why an event's data are not taken, if they are not."""
    kind = event.datacontenttype
    if kind is not None and kind != JSON and media_type(kind) != JSON:
        return f"Its datacontenttype must be {JSON}, and is {kind!r}."
    if bytes(event.data_base64) != b"null":
        return "Its data are in data_base64: send them as a JSON object in data."
    return data_limits.wrong_with(bytes(event.data))


def _wrong_when_stored(event: CloudEvent) -> str:
    """Say what the database cannot hold, or only at a price, if the event has it."""
    # PostgreSQL's text knows no NUL.
    for name in ("id", "source", "type", "subject"):
        if "\0" in (getattr(event, name) or ""):
            return f"Its {name} holds a NUL character."
    return data_limits.wrong_when_stored(bytes(event.data))


def _header_text(value: str) -> str:
    """Decode a header as the HTTP binding says: maybe quoted, then UTF-8, percent-encoded.

    Some SDKs send UTF-8 or Latin-1 as it is, which WSGI hands on as Latin-1.
    """
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    raw = unquote_to_bytes(value.encode("latin-1", "replace"))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
