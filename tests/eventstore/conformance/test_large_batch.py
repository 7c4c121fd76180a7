"""Appends of many events and streams, and of large events, are stored whole or not at all."""

import pytest

from eventstore.steps import ERRORS
from eventstore.store import StreamConflict
from tests.eventstore.conformance.examples import identified, noted
from tests.eventstore.conformance.sessions import heads
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import counted, stream

pytestmark = COMMITTING


class TestABatch:
    @pytest.mark.scenario(12)
    def test_of_30_000_events_is_stored_whole(self, store):
        key, event = stream(), counted()
        assert store.append(of(key, *[event] * 30_000)).versions == {key: 30_000}
        [last] = store.read(key, backwards=True, limit=1)
        first = next(iter(store.read(key)))
        assert last.position - first.position == 29_999

    @pytest.mark.scenario(12)
    def test_of_4_000_repeats_and_some_news_takes_seconds(self, store):
        # By a table that seems to hold little, as after its creation.
        key, events = stream(), identified(4_000)
        store.append(of(key, *events, expected=0))
        with store.session("statement_timeout = '3s'"):
            for step in (1, 2):
                done = store.append(of(key, *events, *identified(1)))
                assert (done.new, len(done.repeated)) == (1, 4_000)
                assert done.versions == {key: 4_000 + step}

    @pytest.mark.scenario(12)
    def test_of_1_500_streams_and_more_events_than_a_call_takes(self, store):
        keys = [stream() for _ in range(1_500)]
        done = store.append(*(of(key, *ones(4)) for key in keys))
        assert done.new == 6_000
        assert done.versions == dict.fromkeys(keys, 4)

    @pytest.mark.scenario(14)
    @pytest.mark.parametrize("streams", [1, 3])
    def test_that_fails_in_its_middle_writes_nothing(self, store, streams):
        keys = sorted(stream() for _ in range(streams))
        appends = [of(key, *ones(2)) for key in keys]
        appends[streams // 2] = of(keys[streams // 2], *ones(2), noted("a NUL: \0"), *ones(2))
        with pytest.raises(ERRORS, match="Unicode"):
            store.append(*appends)
        assert heads(*keys) == {}
        assert [versions(store, key) for key in keys] == [[]] * streams

    @pytest.mark.scenario(14)
    def test_of_which_a_later_call_conflicts_writes_nothing(self, store, monkeypatch):
        monkeypatch.setattr("eventstore.appending.EVENTS_A_CALL", 2)
        keys = sorted(stream() for _ in range(5))
        with pytest.raises(StreamConflict):
            store.append(*(of(key, *ones(1), expected=int(key == keys[-1])) for key in keys))
        assert heads(*keys) == {}


class TestAnEvent:
    @pytest.mark.scenario(46)
    def test_of_a_megabyte_is_stored(self, store):
        key, long = stream(), "ä" * 2**20
        store.append(of(key, noted(long)))
        [recorded] = store.read(key)
        assert recorded.event == noted(long).event
