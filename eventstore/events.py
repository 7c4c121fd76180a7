"""Events as frozen typed structs under stable names, and their way to JSON and back. Pure."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that happened. Subclasses carry its data and are named in the past tense."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who caused an event, and what it belongs to."""

    actor: str | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


class StreamKey(msgspec.Struct, frozen=True, order=True):
    """Names a stream: the tenant that owns it, its id there, and the type of its aggregate."""

    tenant_id: UUID
    stream_id: UUID
    type: str


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as the store holds it.

    The garbage collector leaves it alone, for what is decoded from JSON refers to nothing around
    it: whoever holds many events would else wait for the collector about as long as for the rows.
    """

    tenant_id: UUID
    stream_id: UUID
    version: int
    position: int
    event_id: UUID
    occurred_at: datetime
    recorded_at: datetime
    metadata: Metadata
    event: Event


class DuplicateEventType(Exception):
    """Two classes claim one event type: give one of them another name."""


class UnreadableEvent(Exception):
    """A stored event cannot be decoded: its type is unknown, or its data do not fit the type."""


E = TypeVar("E", bound=type[Event])
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

_classes: dict[str, tuple[type[Event], int]] = {}
_names: dict[type[Event], tuple[str, int]] = {}
_upcasters: dict[tuple[str, int], Upcaster] = {}


def event_type(name: str, *, version: int = 1) -> Callable[[E], E]:
    """Register an event class under a name that outlives every renaming and moving of the class.

    Raises DuplicateEventType when another class has the name.
    """

    def register(cls: E) -> E:
        if name in _classes:
            raise DuplicateEventType(f"{_classes[name][0]} and {cls} are both {name!r}.")
        _classes[name] = (cls, version)
        _names[cls] = (name, version)
        return cls

    return register


def upcaster(name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Register the step that turns data of ``from_version`` into data of the next version."""

    def register(step: Upcaster) -> Upcaster:
        _upcasters[name, from_version] = step
        return step

    return register


def type_of(event: Event) -> tuple[str, int]:
    """Return the stable name and the schema version of an event."""
    return _names[type(event)]


def current_versions() -> dict[str, int]:
    """Return every registered type's name and the schema version that new events get."""
    return {name: version for name, (_, version) in _classes.items()}


def encode(event: Event) -> msgspec.Raw:
    """Return an event's data as JSON: decimals and times as strings."""
    return msgspec.Raw(msgspec.json.encode(event))


def decode(*, name: str, version: int, data: str | bytes | msgspec.Raw) -> Event:
    """Return the event that JSON ``data`` of a type and schema version stand for.

    Raises UnreadableEvent where there is no such type, no upcaster, or the data do not fit.
    """
    if name not in _classes:
        raise UnreadableEvent(f"No event class is registered for the type {name!r}.")
    cls, current = _classes[name]
    try:
        if version == current:
            return _decoder(cls).decode(data)
        return msgspec.convert(_upcast(name, version, current, data), type=cls, strict=False)
    except msgspec.MsgspecError as error:
        raise UnreadableEvent(f"{name!r} version {version} cannot be read: {error}") from error


@cache
def _decoder(cls: type[Event]) -> msgspec.json.Decoder[Event]:
    """Make the decoder of a class once, and when it is first needed: then all names are defined."""
    return msgspec.json.Decoder(cls)


def _upcast(
    name: str, version: int, current: int, data: str | bytes | msgspec.Raw
) -> dict[str, Any]:
    raw: dict[str, Any] = msgspec.json.decode(data)
    for step in range(version, current):
        if (name, step) not in _upcasters:
            raise UnreadableEvent(f"No upcaster takes {name!r} from version {step} on.")
        raw = _upcasters[name, step](raw)
    if version > current:
        raise UnreadableEvent(f"{name!r} version {version} is newer than this code ({current}).")
    return raw
