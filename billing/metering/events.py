"""The event that a usage event becomes once it is accepted."""

from decimal import Decimal

import msgspec

from eventstore import registry
from eventstore.events import Event, event_type

STREAM_TYPE = registry.plain_streams("usage")


@event_type("usage.recorded")
class UsageRecorded(Event, frozen=True, kw_only=True):
    """A service was used: ``quantity`` of it, or a level changed by that much.

    ``type``, ``source``, ``id`` and ``data`` are the CloudEvent's, as they came.
    """

    service: str
    quantity: Decimal
    type: str
    source: str
    id: str
    data: msgspec.Raw
