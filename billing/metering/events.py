"""What a usage event becomes once it is accepted: itself, whatever service counts it, or will."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from eventstore import registry
from eventstore.events import Event, event_type, upcaster

_encoder = msgspec.json.Encoder(decimal_format="number")  # as it was sent

STREAM_TYPE = registry.plain_streams("usage")

VOIDED = "catacloud.usage.voided"  # the types of CloudEvents that correct others
REPLACED = "catacloud.usage.replaced"


class EventName(msgspec.Struct, frozen=True):
    """How a CloudEvent is known in its organisation."""

    source: str
    id: str


class Replacing(EventName, frozen=True):
    """Which event another one replaces, and why."""

    reason: str


class Archived(msgspec.Struct, frozen=True):
    """In which archive the event's data are in full, and the digest of its content as it came."""

    archive: int = msgspec.field(name="in")
    digest: str


@event_type("usage.recorded", version=2)
class UsageRecorded(Event, frozen=True, kw_only=True):
    """A CloudEvent of usage, as it came; ``time`` is None where the time of its arrival counts.

    One that replaces another has the type and data of the usage; ``replaces`` is the rest of it.
    Once it is archived, ``data`` have only what services read of them.
    """

    type: str
    source: str
    id: str
    time: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    archived: Archived | UnsetType = msgspec.field(default=UNSET, name="$archived")
    replaces: Replacing | UnsetType = UNSET


@upcaster("usage.recorded", from_version=1)
def _without_interpretation(data: dict[str, Any]) -> dict[str, Any]:
    """Drop which service counted the event, and how much it read: definitions say that now."""
    kept = {name: data[name] for name in ("type", "source", "id")}
    marks = {name: data[name] for name in ("$archived",) if name in data}
    return kept | marks | {"data": msgspec.Raw(_encoder.encode(data.get("data")))}


@event_type("usage.voided")
class UsageVoided(Event, frozen=True, kw_only=True):
    """A usage event is taken back: that of a ``source`` and an ``id``, sent before or after.

    ``by`` is the event that says so, if it was one; ``is_replaced`` if that is what counts now.
    """

    source: str
    id: str
    reason: str
    by: EventName | UnsetType = UNSET
    is_replaced: bool | UnsetType = UNSET
