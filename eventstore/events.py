"""Events as frozen typed structs under stable names, and their way to JSON and back. Pure."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import msgspec

NAME_LENGTH: Final = 100  # of types of events and streams, as their columns have it
SEALED: Final = "$sealed"  # the one key of what is stored in the place of a sealed field


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that happened. Subclasses carry its data and are named in the past tense.

    Fields that are personal are named in ``sealed``: they are stored under a key of the tenant,
    which can be shredded. Such a field is a ``str`` or ``str | None``. A name that only older
    versions of the schema had stays in the list.
    """

    sealed: ClassVar[frozenset[str]] = frozenset()


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


class UnusableName(Exception):
    """A name is to be stored for ever, and has not 1 to 100 characters that can be printed."""


class UnreadableEvent(Exception):
    """A stored event cannot be decoded: its type is unknown, or its data do not fit the type."""


class UnsealableField(Exception):
    """Only a field that is a str or None can be sealed: quantities are facts, and stay."""


class SealedEvent(Exception):
    """A stored event has sealed fields: open them with the key of its tenant, then decode it."""


E = TypeVar("E", bound=type[Event])
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

_classes: dict[str, tuple[type[Event], int]] = {}
_names: dict[type[Event], tuple[str, int]] = {}
_upcasters: dict[tuple[str, int], Upcaster] = {}
_decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode  # a float would lose digits
sealed_classes: set[type[Event]] = set()


def event_type(name: str, *, version: int = 1) -> Callable[[E], E]:
    """Register an event class under a name that outlives every renaming and moving of the class.

    Raises DuplicateEventType when another class has the name, UnusableName and UnsealableField.
    """
    check_name(name)

    def register(cls: E) -> E:
        if name in _classes:
            raise DuplicateEventType(f"{_classes[name][0]} and {cls} are both {name!r}.")
        if cls.sealed:
            _check_sealed(cls, version)
            sealed_classes.add(cls)
        _classes[name] = (cls, version)
        _names[cls] = (name, version)
        return cls

    return register


def upcaster(name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Register the step that turns data of ``from_version`` into data of the next version.

    Numbers with a fraction come to it as decimals.
    """

    def register(step: Upcaster) -> Upcaster:
        _upcasters[name, from_version] = step
        return step

    return register


def type_of(event: Event) -> tuple[str, int]:
    """Return the stable name and the schema version of an event."""
    return _names[type(event)]


def name_of(cls: type[Event]) -> str:
    """Return the stable name of an event class."""
    return _names[cls][0]


def current_versions() -> dict[str, int]:
    """Return every registered type's name and the schema version that new events get."""
    return {name: version for name, (_, version) in _classes.items()}


def encode(event: Event) -> msgspec.Raw:
    """Return an event's data as JSON: decimals and times as strings.

    Raises ValueError where JSON has nothing for a value, and RecursionError at one too deep.
    """
    data = msgspec.json.encode(event)
    # A float that is no number becomes null, without a word; then nobody could read the event.
    if b"null" in data and not all(map(isfinite, _floats(event))):
        raise ValueError("one of its floats is no finite number")
    return msgspec.Raw(data)


def decode(*, name: str, version: int, data: str | bytes | msgspec.Raw) -> Event:
    """Return the event that JSON ``data`` of a type and schema version stand for.

    Raises UnreadableEvent where there is no such type, no upcaster, or the data do not fit; and
    SealedEvent where they do not fit because they are sealed.
    """
    if name not in _classes:
        raise UnreadableEvent(f"No event class is registered for the type {name!r}.")
    cls, current = _classes[name]
    try:
        if version == current:
            return _decoder(cls).decode(data)
        return msgspec.convert(_upcast(name, version, current, data), type=cls, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        if version == current and isinstance(error, msgspec.MsgspecError):
            _refuse_marks(name, data)
        raise UnreadableEvent(f"{name!r} version {version} cannot be read: {error}") from error


@cache
def _decoder(cls: type[Event]) -> msgspec.json.Decoder[Event]:
    """Make the decoder of a class once, and when it is first needed: then all names are defined."""
    return msgspec.json.Decoder(cls)


def _upcast(
    name: str, version: int, current: int, data: str | bytes | msgspec.Raw
) -> dict[str, Any]:
    _refuse_marks(name, data)
    raw: dict[str, Any] = _decode_exactly(data)
    for step in range(version, current):
        if (name, step) not in _upcasters:
            raise UnreadableEvent(f"No upcaster takes {name!r} from version {step} on.")
        try:
            raw = _upcasters[name, step](raw)
        except Exception as error:  # others' code, which may raise anything
            raise UnreadableEvent(
                f"The upcaster of {name!r} from version {step} on fails: {error!r}"
            ) from error
    if version > current:
        raise UnreadableEvent(f"{name!r} version {version} is newer than this code ({current}).")
    return raw


def sealed_fields() -> dict[str, list[str]]:
    """Return the names of the fields that are sealed, by the name of the type."""
    return {_names[cls][0]: sorted(cls.sealed) for cls in sealed_classes}


def sealed_names(name: str, stored: Iterable[str]) -> list[str]:
    """Return which of the stored fields of a type may be sealed: also those it has no more."""
    cls, _ = _classes[name]
    return [one for one in stored if one in cls.sealed or one not in cls.__struct_encode_fields__]


def is_optional(name: str, field: str) -> bool:
    """Say if a field of a type may be None."""
    types = {one.encode_name: one.type for one in msgspec.structs.fields(_classes[name][0])}
    return types.get(field, str) is not str


def holds_marks(data: str | bytes | msgspec.Raw) -> bool:
    """Say if JSON data may hold a sealed field."""
    return f'"{SEALED}"' in data if isinstance(data, str) else f'"{SEALED}"'.encode() in bytes(data)


def _refuse_marks(name: str, data: str | bytes | msgspec.Raw) -> None:
    """Raise SealedEvent: where a field is sealed, neither a type nor an upcaster understands it."""
    if not (_classes[name][0].sealed and holds_marks(data)):
        return
    stored = msgspec.json.decode(data)
    if not isinstance(stored, dict):
        return
    for field in sealed_names(name, stored):
        if isinstance(stored[field], dict) and stored[field].keys() == {SEALED}:
            raise SealedEvent(f"{field!r} of {name!r} is sealed.")


def check_name(name: str) -> None:
    """See that a name can be stored. Raises UnusableName."""
    if not (1 <= len(name) <= NAME_LENGTH and name.isprintable()):
        raise UnusableName(
            f"{name[: NAME_LENGTH + 1]!r} cannot be stored: give it 1 to {NAME_LENGTH} characters "
            "that can be printed."
        )


def _floats(value: object) -> Iterator[float]:
    match value:
        case float():
            yield value
        case dict():
            yield from _floats(list(value.values()))
        case list() | tuple() | set() | frozenset():
            for one in value:
                yield from _floats(one)
        case msgspec.Struct():
            yield from _floats(msgspec.structs.astuple(value))


def _check_sealed(cls: type[Event], version: int) -> None:
    fields = {one.encode_name: one.type for one in msgspec.structs.fields(cls)}
    for name in cls.sealed:
        kind = fields.get(name, None if version == 1 else str)
        if kind not in (str, str | None):
            raise UnsealableField(f"{cls.__name__}.{name} is no field of type str or str | None.")
