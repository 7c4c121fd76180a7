"""The cache spares replays, and never shows what is not so."""

from uuid import uuid4

import pytest

from eventstore import rehydrating
from eventstore.store import StreamConflict
from tests.eventstore.conformance.examples import count, entry
from tests.eventstore.conformance.sessions import append_elsewhere
from tests.eventstore.conformance.sides import COMMITTING
from tests.eventstore.examples import counted, stream

pytestmark = COMMITTING


class TestTheCache:
    @pytest.mark.scenario(24)
    def test_makes_a_load_replay_only_what_is_newer(self, store, states):
        key = stream()
        store.execute(key, count(times=4))
        append_elsewhere(key, counted(10))
        assert store.load(key).state.total == 14
        assert (states.statistics.hits, states.statistics.events_replayed) == (1, 1)

    @pytest.mark.scenario(24)
    def test_that_is_behind_does_not_hide_a_conflict(self, store):
        key, seen = stream(), []
        store.execute(key, count())

        def decide(counter):
            seen.append(counter.total)
            append_elsewhere(key, counted(10))
            return counter.count(1)

        with pytest.raises(StreamConflict):
            store.execute_optimistically(key, decide, attempts=1)
        assert seen == [1]
        assert store.load(key).state.total == 11

    @pytest.mark.scenario(24)
    def test_that_is_ahead_of_the_database_is_not_used(self, store, states):
        key, other = stream(), stream()
        for one in (key, other):
            store.execute(one, count(times=2))
        states.put({other: entry(states, other)})
        with store.transaction(roll_back=True):
            ahead = store.execute(key, count(50))
        states.put(rehydrating.entries({key: ahead}))
        assert store.load(key).state.total == 2
        states.put(rehydrating.entries({key: ahead}))
        assert store.execute(key, count()).state.total == 3

    @pytest.mark.scenario(24)
    @pytest.mark.parametrize("how", ["load", "execute"])
    def test_that_was_ahead_does_not_count_again_once_the_stream_is_as_long(
        self, store, states, how
    ):
        # As after a restore, in a process that went on meanwhile.
        key = stream()
        store.execute(key, count(times=2))
        with store.transaction(roll_back=True):
            ahead = store.execute(key, count(50))
        states.put(rehydrating.entries({key: ahead}))
        done = store.load(key) if how == "load" else store.execute(key, lambda _: [])
        assert done.version == 2
        append_elsewhere(key, counted(1))
        assert store.load(key).state.total == 3

    @pytest.mark.scenario(24)
    def test_of_a_stream_that_is_gone_does_not_count_for_the_one_that_begins_anew(
        self, store, states
    ):
        key = stream()
        with store.transaction(roll_back=True):
            ahead = store.execute(key, count(50, times=2))
        states.put(rehydrating.entries({key: ahead}))
        assert store.execute(key, count()).version == 1
        append_elsewhere(key, counted(1))
        assert store.load(key).state.total == 2

    @pytest.mark.scenario(24, 52)
    def test_keeps_tenants_apart(self, store):
        key = stream()
        other = stream(uuid4(), key.stream_id)
        store.execute(key, count(7))
        assert store.load(other).version == 0
        store.execute(other, count(1))
        assert (store.load(key).state.total, store.load(other).state.total) == (7, 1)

    @pytest.mark.scenario(24, 25)
    def test_gives_everyone_a_state_of_his_own(self, store):
        key = stream()
        store.execute(key, count()).state.total = 99
        store.load(key).state.total = 98
        assert store.load(key).state.total == 1

    @pytest.mark.scenario(25, 26)
    def test_serves_loads_and_commands_at_once(self, store):
        # 26: loads share no read. Each reads what is newer for itself, so none is ever stale.
        key = stream()
        store.execute(key, count())
        jobs = [lambda side: side.load(key), lambda side: side.execute(key, count())] * 8
        for done in store.at_once(*jobs):
            assert done.state.total == done.version
        assert store.load(key).state.total == 9
        assert [one.version for one in store.at_once(*[lambda side: side.load(key)] * 4)] == [9] * 4
