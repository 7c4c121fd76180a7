"""What is done in a transaction of the caller's own comes and goes with it."""

import pytest
from django.db import connection

from eventstore.store import StreamConflict
from tests.eventstore.conformance.examples import count, entry, saved
from tests.eventstore.conformance.sessions import append_elsewhere, heads
from tests.eventstore.conformance.sides import COMMITTING, Async, of, ones, versions
from tests.eventstore.examples import stream

pytestmark = COMMITTING


class TestATransactionOfTheCaller:
    @pytest.mark.scenario(23, 24)
    def test_that_is_rolled_back_leaves_nothing(self, store, states, heard):
        key, other = stream(), stream()
        store.execute(key, count(times=4))
        before, heard[:] = entry(states, key), []
        with store.transaction(roll_back=True):
            assert store.execute(key, count(times=2)).version == 6
            assert store.execute_optimistically(key, count()).version == 7
            assert store.append(of(key, *ones(1)), of(other, *ones(1))).new == 2
            store.execute_many({other: count()})
            assert (store.load(key).version, store.load(other).version) == (8, 2)
            assert versions(store, key) == list(range(1, 9))
        assert (versions(store, key), versions(store, other)) == ([1, 2, 3, 4], [])
        assert (entry(states, key), entry(states, other)) == (before, None)
        assert (heard, saved(key)) == ([], [])
        assert store.execute(key, count()).version == 5

    @pytest.mark.scenario(23)
    def test_that_commits_leaves_all_and_is_announced_after_it(self, store, states, heard):
        key = stream()
        with store.transaction():
            for version in (1, 2, 3):
                assert store.execute(key, count()).version == version
            assert heard == []
            assert entry(states, key) is None
        assert versions(store, key) == [1, 2, 3]
        # A caller that awaits brings its own connection, so only itself knows when it committed.
        announced = 0 if isinstance(store, Async) else 3
        assert len(heard) == announced
        assert (entry(states, key) is None) == isinstance(store, Async)
        assert store.load(key).state.total == 3

    @pytest.mark.scenario(23)
    def test_goes_on_after_a_conflict_in_it(self, store):
        key, other = stream(), stream()
        append_elsewhere(key)
        with store.transaction():
            store.append(of(other, *ones(1)))
            with pytest.raises(StreamConflict):
                store.append(of(key, *ones(1), expected=0))
            with pytest.raises(StreamConflict):
                store.append(of(other, *ones(1)), of(key, *ones(1), expected=0))
            store.append(of(other, *ones(1)))
        assert (versions(store, key), versions(store, other)) == ([1], [1, 2])

    def test_reads_two_streams_side_by_side(self, store, monkeypatch):
        monkeypatch.setattr("eventstore.streaming.CHUNK", 2)
        keys = [stream(), stream()]
        store.append(*(of(key, *ones(5)) for key in keys))
        with store.transaction():
            one, other = (store.read(key) for key in keys)
            pairs = [(a.version, b.version) for a, b in zip(one, other, strict=True)]
        assert pairs == [(version, version) for version in range(1, 6)]


def test_the_connection_of_these_tests_is_the_callers_where_it_says_so(store):
    """What tests of transactions rely on: nothing is seen outside before the end."""
    key = stream()
    with store.transaction():
        store.append(of(key, *ones(1)))
        assert heads(key) == {}
    assert heads(key) == {key.stream_id: 1}
    assert connection.get_autocommit()
