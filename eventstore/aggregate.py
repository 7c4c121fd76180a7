"""The base of aggregates. Pure: an aggregate decides and applies, and never reads or writes."""

from typing import Any, ClassVar

import msgspec

from eventstore.events import Event
from eventstore.snapshots import EveryEvents, Policy


class Aggregate(msgspec.Struct):
    """State that is rebuilt from events.

    A subclass's fields are the state, all with defaults: the state of a stream without events. Its
    deciding methods check a command against the state and return events; ``apply`` changes the
    state by one event and never refuses.
    """

    stream_type: ClassVar[str]
    state_version: ClassVar[int] = 1  # raise it when the fields change: old snapshots are ignored
    snapshot: ClassVar[Policy] = EveryEvents(100)

    def apply(self, event: Any) -> None:
        raise TypeError(f"{type(self).__name__} does not know {type(event).__name__}.")

    def apply_all(self, events: "list[Event]") -> None:
        for event in events:
            self.apply(event)
