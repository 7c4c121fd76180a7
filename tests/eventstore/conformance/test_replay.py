"""Events make a state, up to any version, or fail as a whole."""

import pytest

from eventstore.events import UnreadableEvent
from eventstore.store import ReadInterrupted
from tests.eventstore.conformance.examples import append_as_stored, count, entry, saved
from tests.eventstore.conformance.sessions import append_elsewhere, kill_sessions
from tests.eventstore.conformance.sides import COMMITTING, ones
from tests.eventstore.examples import Counter, stream
from tests.eventstore.test_check import corrupt

pytestmark = COMMITTING


@pytest.mark.scenario(29)
def test_a_state_at_a_version_is_what_so_many_events_make(store, states, monkeypatch):
    monkeypatch.setattr("eventstore.rehydrating.PAGE", 4)
    key = stream()
    for by in range(1, 13):
        store.execute(key, count(by))
    assert saved(key) == [10]
    for cached in (True, False):
        if not cached:
            states.clear()
        before = entry(states, key)
        for version in range(14):
            loaded = store.load(key, at_version=version)
            replayed = sum(range(1, min(version, 12) + 1))
            assert (loaded.version, loaded.state.total) == (min(version, 12), replayed)
        assert entry(states, key) == before


class TestAReplayThatFails:
    @pytest.fixture(autouse=True)
    def _pages(self, monkeypatch):
        monkeypatch.setattr("eventstore.rehydrating.PAGE", 10)

    @pytest.mark.scenario(30, 47)
    @pytest.mark.parametrize("how", ["load", "execute", "execute_optimistically"])
    def test_at_an_event_that_cannot_be_read_names_it_and_caches_nothing(self, store, states, how):
        key = stream()
        append_elsewhere(key, *ones(14))
        append_as_stored(key, "test.unheard-of", {})
        append_elsewhere(key)
        arguments = [] if how == "load" else [lambda counter: pytest.fail("It was half a state.")]
        with pytest.raises(UnreadableEvent, match=f"Stream {key.stream_id}, version 15, position"):
            getattr(store, how)(key, *arguments)
        assert entry(states, key) is None
        assert store.load(key, at_version=14).state.total == 14

    @pytest.mark.scenario(30)
    @pytest.mark.parametrize("how", ["load", "execute", "execute_optimistically"])
    def test_as_the_database_is_lost_says_where_and_caches_nothing(
        self, store, states, monkeypatch, how
    ):
        key = stream()
        append_elsewhere(key, *ones(35))
        apply = Counter.apply

        def lose_the_database(self, event):
            apply(self, event)
            if self.total == 15:
                kill_sessions()

        arguments = [] if how == "load" else [lambda counter: pytest.fail("It was half a state.")]
        with monkeypatch.context() as patch:
            patch.setattr(Counter, "apply", lose_the_database)
            with pytest.raises(
                ReadInterrupted, match=f"counter {key.stream_id} broke off after version 20:"
            ):
                getattr(store, how)(key, *arguments)
        assert entry(states, key) is None
        store.reconnect()
        assert store.load(key).state.total == 35

    @pytest.mark.scenario(30)
    @pytest.mark.parametrize("how", ["load", "execute", "execute_optimistically"])
    def test_at_an_event_that_is_missing_names_it_and_caches_nothing(self, store, states, how):
        key = stream()
        append_elsewhere(key, *ones(4))
        corrupt("DELETE FROM eventstore_storedevent WHERE version = 3")
        arguments = [] if how == "load" else [lambda counter: pytest.fail("It was half a state.")]
        with pytest.raises(UnreadableEvent, match=f"{key.stream_id} has no event of version 3"):
            getattr(store, how)(key, *arguments)
        assert entry(states, key) is None

    @pytest.mark.scenario(30)
    @pytest.mark.parametrize("how", ["load", "execute", "execute_optimistically"])
    def test_at_an_event_that_the_aggregate_refuses_has_a_note_of_it_and_caches_nothing(
        self, store, states, monkeypatch, how
    ):
        key = stream()
        append_elsewhere(key, *ones(14))
        apply = Counter.apply

        def refuse(self, event):
            if self.total == 12:
                raise TypeError("What is this?")
            apply(self, event)

        monkeypatch.setattr(Counter, "apply", refuse)
        arguments = [] if how == "load" else [lambda counter: pytest.fail("It was half a state.")]
        with pytest.raises(TypeError, match="What is this") as refused:
            getattr(store, how)(key, *arguments)
        assert refused.value.__notes__ == [
            f"This is from applying version 13 of stream {key.stream_id}."
        ]
        assert entry(states, key) is None

    @pytest.mark.scenario(30)
    def test_from_a_cached_state_leaves_the_entry_as_it_was(self, store, states):
        key = stream()
        store.execute(key, count(times=3))
        before = entry(states, key)
        append_as_stored(key, "test.unheard-of", {})
        with pytest.raises(UnreadableEvent):
            store.load(key)
        assert entry(states, key) == before
