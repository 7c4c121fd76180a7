"""Appends to one stream that begin at once."""

import pytest

from eventstore.store import NO_STREAM, StreamConflict
from tests.eventstore.conformance.sessions import another_session
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import stream

pytestmark = COMMITTING


class TestAtOnce:
    @pytest.mark.scenario(6)
    def test_one_of_those_who_expect_one_version_wins(self, store):
        key = stream()
        for expected in range(4):
            done = store.at_once(
                *[lambda side, n=expected: side.append(of(key, *ones(1), expected=n))] * 8
            )
            assert sum(isinstance(one, StreamConflict) for one in done) == 7
            assert versions(store, key) == list(range(1, expected + 2))

    @pytest.mark.scenario(7)
    def test_those_who_lose_take_no_position(self, store):
        key = stream()
        store.append(of(key, *ones(1)))
        [first] = store.read(key)
        done = store.at_once(*[lambda side: side.append(of(key, *ones(1), expected=1))] * 8)
        assert sum(isinstance(one, StreamConflict) for one in done) == 7
        with another_session() as other:
            row = other.execute("SELECT last_value FROM eventstore_position").fetchone()
        assert row == (first.position + 1,)

    @pytest.mark.scenario(8)
    def test_two_who_create_a_stream_both_succeed(self, store):
        for _ in range(10):
            key = stream()
            done = store.at_once(*[lambda side, k=key: side.append(of(k, *ones(1)))] * 2)
            assert [one.new for one in done] == [1, 1]
            assert versions(store, key) == [1, 2]

    @pytest.mark.scenario(8)
    def test_of_two_who_create_it_and_say_so_one_is_told(self, store):
        for _ in range(10):
            key = stream()
            done = store.at_once(
                *[lambda side, k=key: side.append(of(k, *ones(1), expected=NO_STREAM))] * 2
            )
            assert sum(isinstance(one, StreamConflict) for one in done) == 1
            assert versions(store, key) == [1]

    @pytest.mark.scenario(9)
    def test_every_success_is_an_event(self, store):
        key = stream()
        done = store.at_once(*[lambda side: side.append(of(key, *ones(1)))] * 20)
        assert sorted(one.versions[key] for one in done) == list(range(1, 21))
        assert versions(store, key) == list(range(1, 21))
