"""Given, when, then: for the tests of aggregates and of what handles events. Pure.

given(File, STARTED).when(lambda file: file.complete(now=NOON)).then_raises(PartsMissing)
given(File, STARTED, STORED).when(lambda file: file.complete(now=NOON)).then(COMPLETED)
given([STARTED, COMPLETED]).handled_by(handle).twice(lambda: rows())
"""

import copy
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, Self, TypeVar, overload
from uuid import UUID, uuid4

from eventstore.aggregate import Aggregate
from eventstore.events import Event, Metadata, RecordedEvent
from eventstore.store import NewEvent

A = TypeVar("A", bound=Aggregate)
Handle = Callable[[Sequence[RecordedEvent]], object]

TENANT = UUID(int=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@overload
def given(first: type[A], *events: Event) -> "GivenAggregate[A]": ...
@overload
def given(first: Sequence[Event | RecordedEvent]) -> "GivenEvents": ...
def given(
    first: type[A] | Sequence[Event | RecordedEvent], *events: Event
) -> "GivenAggregate[A] | GivenEvents":
    """Begin with an aggregate and its history, or with events for a handler."""
    if isinstance(first, type):
        return GivenAggregate(first, events)
    return GivenEvents(first)


class GivenAggregate(Generic[A]):
    """An aggregate that its history has brought to a state."""

    def __init__(self, cls: type[A], events: Sequence[Event]) -> None:
        self.state = cls()
        self.state.apply_all(list(events))

    def when(self, decide: Callable[[A], Sequence[NewEvent]]) -> "When[A]":
        """Let it decide. ``decide`` runs only when an outcome is asked for."""
        return When(self.state, decide)

    def then_state(self, **expected: Any) -> Self:
        """See that fields or properties of the state are as expected. Raises AssertionError."""
        _compare_state(self.state, expected)
        return self


class When(Generic[A]):
    """A decision and what came of it. All of ``then…`` raise AssertionError and can be chained."""

    def __init__(self, state: A, decide: Callable[[A], Sequence[NewEvent]]) -> None:
        self._state, self._decide = state, decide

    @cached_property
    def events(self) -> list[Event]:
        """The events that were decided, and that the state has not seen yet."""
        before = copy.deepcopy(self._state)
        decided = [new.event for new in self._decide(self._state)]
        if self._state != before:
            raise _failure("Deciding changed the state; only apply may.", before, self._state)
        return decided

    def then(self, *expected: Event) -> Self:
        """See exactly these events; none at all where none are named."""
        if self.events != list(expected):
            raise _failure("Other events were decided.", list(expected), self.events)
        return self

    def then_raises(self, error: type[Exception], match: str = "") -> Self:
        """See that the aggregate refuses with an error whose message matches."""
        try:
            events = self.events
        except error as raised:
            if not re.search(match, str(raised)):
                raise _failure(
                    f"{error.__name__} says something else.", match, str(raised)
                ) from raised
            return self
        raise _failure("It was not refused.", error.__name__, events)

    def then_state(self, **expected: Any) -> Self:
        """See fields or properties of the state after the decided events."""
        after = copy.deepcopy(self._state)
        after.apply_all(self.events)
        _compare_state(after, expected)
        return self


class GivenEvents:
    """Events as a consumer gets them: those that are bare are recorded in one stream, in order."""

    def __init__(self, events: Sequence[Event | RecordedEvent]) -> None:
        stream_id = uuid4()
        self.recorded = [
            one if isinstance(one, RecordedEvent) else _record(one, stream_id, nth)
            for nth, one in enumerate(events, 1)
        ]

    def handled_by(self, handle: Handle) -> "Handled":
        """Hand all of them over as one batch."""
        return Handled(self.recorded, handle)


class Handled:
    """What a handler made of events. What can be asked raises AssertionError."""

    def __init__(self, recorded: Sequence[RecordedEvent], handle: Handle) -> None:
        self._recorded, self._handle = recorded, handle
        handle(recorded)

    def then(self, read: Callable[[], object], expected: object) -> Self:
        """See what ``read`` returns now."""
        if (found := read()) != expected:
            raise _failure("The handler made something else.", expected, found)
        return self

    def twice(self, read: Callable[[], object]) -> Self:
        """Hand the same events over again, and see that what ``read`` returns stays as it was.

        A handler that only runs in the checkpoint's transaction (``feed.consume``) need not pass
        this; one with effects elsewhere must.
        """
        once = copy.deepcopy(read())
        self._handle(self._recorded)
        if (again := read()) != once:
            raise _failure("Handled twice, the events count twice.", once, again)
        return self


def _record(event: Event, stream_id: UUID, nth: int) -> RecordedEvent:
    return RecordedEvent(
        tenant_id=TENANT,
        stream_id=stream_id,
        version=nth,
        position=nth,
        event_id=uuid4(),
        occurred_at=NOON,
        recorded_at=NOON,
        metadata=Metadata(),
        event=event,
    )


def _compare_state(state: Aggregate, expected: dict[str, Any]) -> None:
    found = {name: getattr(state, name) for name in expected}
    if found != expected:
        raise _failure("The state is another.", expected, found)


def _failure(what: str, expected: object, found: object) -> AssertionError:
    return AssertionError(f"{what}\nexpected: {expected!r}\n   found: {found!r}")
