"""A command loads a state, decides on it, and appends what it decides."""

from uuid import uuid4

import pytest

from eventstore.store import StreamConflict
from tests.eventstore.conformance.examples import count, entry, saved
from tests.eventstore.conformance.sessions import append_elsewhere
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import counted, stream

pytestmark = COMMITTING


class TestACommand:
    @pytest.mark.scenario(13)
    def test_of_many_events_gives_them_consecutive_versions(self, store):
        key = stream()
        for version in (3, 6):
            done = store.execute(key, count(times=3))
            assert (done.version, done.state.total) == (version, version)
        assert store.execute_optimistically(key, count(times=3)).version == 9
        assert versions(store, key) == list(range(1, 10))

    @pytest.mark.scenario(20)
    def test_without_a_lock_runs_again_on_a_conflict_with_the_state_of_then(self, store):
        key, seen = stream(), []

        def decide(counter):
            seen.append(counter.total)
            if len(seen) < 3:
                append_elsewhere(key, counted(10))
            return counter.count(1)

        done = store.execute_optimistically(key, decide)
        assert seen == [0, 10, 20]
        assert (done.state.total, done.version) == (21, 3)
        assert store.load(key).state.total == 21

    @pytest.mark.scenario(20)
    def test_without_a_lock_is_a_conflict_after_its_last_attempt(self, store):
        key, seen = stream(), []

        def decide(counter):
            seen.append(counter.total)
            append_elsewhere(key, counted(10))
            return counter.count(1)

        with pytest.raises(StreamConflict) as conflict:
            store.execute_optimistically(key, decide, attempts=3)
        assert (conflict.value.expected, conflict.value.actual) == (2, 3)
        assert seen == [0, 10, 20]
        assert store.load(key).state.total == 30

    @pytest.mark.scenario(21)
    @pytest.mark.parametrize("how", ["execute", "execute_optimistically"])
    def test_sees_what_came_after_the_state_that_was_saved(self, store, states, how):
        key, seen = stream(), []

        def look(counter):
            seen.append(counter.total)
            return []

        store.execute(key, count(times=5))
        append_elsewhere(key, counted(10), counted(10))
        for prepare in (states.clear, lambda: append_elsewhere(key, counted(10))):
            prepare()
            getattr(store, how)(key, look)
        assert seen == [25, 35]
        assert saved(key) == [5]

    @pytest.mark.scenario(22)
    @pytest.mark.parametrize("how", ["execute", "execute_optimistically"])
    def test_that_is_refused_keeps_neither_events_nor_state(self, store, states, heard, how):
        key = stream()
        store.execute(key, count(times=4))
        before, heard[:] = entry(states, key), []

        def decide(counter):
            counter.total = 99  # nothing of this may stay
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            getattr(store, how)(key, decide)
        assert versions(store, key) == [1, 2, 3, 4]
        assert entry(states, key) == before
        assert store.load(key).state.total == 4
        assert (heard, saved(key)) == ([], [])

    def test_whose_event_stands_already_does_not_change_the_state_twice(self, store, states):
        key, event_id = stream(), uuid4()
        for how in (store.execute, store.execute_optimistically) * 2:
            done = how(key, count(7, event_id=event_id))
            assert (done.state.total, done.version) == (7, 1)
        done = store.execute(key, lambda _: [counted(7, event_id=event_id), *ones(1)])
        assert (done.state.total, done.version) == (8, 2)
        states.clear()
        assert store.load(key).state.total == 8

    def test_whose_event_another_has_appended_meanwhile_returns_the_state_with_it(
        self, store, states
    ):
        key, event_id = stream(), uuid4()
        store.execute(key, count(1))

        def decide(counter):
            append_elsewhere(key, counted(7, event_id=event_id))
            append_elsewhere(key, counted(100))
            return [counted(7, event_id=event_id)]

        done = store.execute_optimistically(key, decide)
        assert (done.state.total, done.version) == (108, 3)
        assert store.load(key).state.total == 108  # from the cache as well
        states.clear()
        assert store.load(key).state.total == 108


class TestCommandsOfManyStreams:
    def test_each_decide_on_the_state_of_their_own_stream(self, store, states, heard):
        one, other, new = (stream() for _ in range(3))
        store.append(of(one, counted(7)), of(other, counted(1)))
        heard.clear()
        done = store.execute_many(
            {key: lambda counter: [counted(counter.total + 1)] for key in (one, other, new)}
        )
        assert {key: loaded.state.total for key, loaded in done.items()} == {
            one: 15,
            other: 3,
            new: 1,
        }
        assert [entry(states, key).version for key in (one, other, new)] == [2, 2, 1]
        assert len(heard) == 1

    @pytest.mark.scenario(22)
    def test_write_nothing_where_one_of_them_is_refused(self, store, heard):
        one, other = stream(), stream()
        with pytest.raises(ValueError, match="Count up"):
            store.execute_many({one: count(), other: lambda counter: counter.count(-1)})
        assert (versions(store, one), versions(store, other), heard) == ([], [], [])

    def test_of_none_do_nothing(self, store, heard):
        assert (store.execute_many({}), heard) == ({}, [])

    def test_in_any_order_and_at_once_never_deadlock(self, store):
        keys = [stream() for _ in range(5)]

        def job(some):
            return lambda side: side.execute_many(dict.fromkeys(some, count()))

        for done in store.at_once(*[job(keys), job(keys[::-1])] * 5):
            assert {loaded.state.total for loaded in done.values()} <= set(range(1, 11))
        assert [store.load(key).state.total for key in keys] == [10] * 5

    def test_of_two_tenants_with_the_same_ids_do_not_take_each_other_for_repeats(self, store):
        one, event_id = stream(), uuid4()
        other = stream(uuid4(), one.stream_id)
        store.append(of(one, counted(7, event_id=event_id)))
        done = store.execute_many(dict.fromkeys([one, other], count(7, 1, event_id)))
        assert [loaded.state.total for loaded in done.values()] == [7, 7]
        assert store.load(other).state.total == 7
