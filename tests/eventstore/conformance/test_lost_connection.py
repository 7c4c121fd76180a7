"""The server closes a connection before, amid or after an append."""

import pytest

from eventstore.steps import ERRORS
from tests.eventstore.conformance.examples import identified
from tests.eventstore.conformance.sessions import (
    WAITING,
    append_elsewhere,
    elsewhere,
    heads,
    kill_sessions,
    locked,
    once_one_waits,
)
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import stream

pytestmark = COMMITTING


class TestAConnectionThatTheServerCloses:
    @pytest.mark.scenario(16)
    def test_before_use_costs_one_retry_at_most(self, store):
        key, events = stream(), identified(1)
        store.append(of(key, *ones(1)))
        kill_sessions()
        try:
            done = store.append(of(key, *events, expected=1))
        except ERRORS:
            store.reconnect()
            done = store.append(of(key, *events, expected=1))
        assert (done.new, versions(store, key)) == (1, [1, 2])

    @pytest.mark.scenario(16)
    def test_amid_an_append_leaves_nothing_of_it(self, store):
        key, events = stream(), identified(2)
        append_elsewhere(key)
        with locked(key), once_one_waits(lambda: kill_sessions(WAITING)), pytest.raises(ERRORS):
            store.append(of(key, *events, expected=1))
        store.reconnect()
        assert versions(store, key) == [1]
        assert store.append(of(key, *events, expected=1)).new == 2

    @pytest.mark.scenario(16)
    def test_after_the_commit_makes_no_duplicate(self, store):
        key, events = stream(), identified(2)
        store.append(of(key, *events, expected=0))  # and its answer is lost
        kill_sessions()

        def repeat():
            again = type(store)()
            try:
                return again.append(of(key, *events, expected=0))
            finally:
                again.close()

        done = elsewhere(repeat)
        assert (done.new, len(done.repeated)) == (0, 2)
        assert heads(key) == {key.stream_id: 2}
