"""A database that is open to commits, and the store from both of its sides."""

from collections.abc import Iterator
from typing import Any

import pytest

from eventstore import cache
from eventstore.cache import StateCache
from eventstore.store import appended
from tests.eventstore.conformance.sides import Async, Side, Sync


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> StateCache:
    """A cache of the test's own."""
    states = StateCache(size=100)
    monkeypatch.setattr(cache, "states", states)
    return states


@pytest.fixture(params=["sync", "async"])
def store(request: pytest.FixtureRequest, states: StateCache) -> Iterator[Side]:
    side: Side = Sync() if request.param == "sync" else Async()
    yield side
    side.close()


@pytest.fixture
def awaiting(states: StateCache) -> Iterator[Async]:
    """The side that awaits alone: for what only it can suffer."""
    side = Async()
    yield side
    side.close()


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """What was announced of appends, as it comes."""
    heard: list[Any] = []

    def hear(partitions: Any, **_: Any) -> None:
        heard.append(partitions)

    appended.connect(hear)
    yield heard
    appended.disconnect(hear)
