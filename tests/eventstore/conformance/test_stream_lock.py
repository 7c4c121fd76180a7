"""Streams are locked until the transaction ends; others wait, up to what their session allows."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError

from eventstore import store as the_store
from eventstore.steps import ERRORS
from eventstore.store import WrongStreamType
from tests.eventstore.conformance.examples import identified
from tests.eventstore.conformance.sessions import (
    WAITING,
    append_elsewhere,
    elsewhere,
    heads,
    locked,
    once_one_waits,
    sessions,
)
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import until

pytestmark = COMMITTING


class TestALockThatIsTaken:
    @pytest.mark.scenario(15)
    def test_lets_the_lock_timeout_fire_and_nothing_is_written(self, store):
        key, other = stream(), stream()
        append_elsewhere(key)
        with locked(key), store.session("lock_timeout = '50ms'"):
            for appends in ([of(key, *ones(1))], [of(one, *ones(1)) for one in (key, other)]):
                with pytest.raises(ERRORS, match="lock timeout"):
                    store.append(*appends)
        assert heads(key, other) == {key.stream_id: 1}
        assert store.append(of(key, *ones(1))).versions == {key: 2}

    @pytest.mark.scenario(17)
    def test_lets_the_batch_time_out_and_nothing_is_written(self, store):
        # We have no timeout of our own: the session's statement_timeout is the batch's.
        keys = sorted(stream() for _ in range(3))
        append_elsewhere(keys[-1])
        appends = [of(key, *identified(1)) for key in keys]
        with (
            locked(keys[-1]),
            store.session("statement_timeout = '100ms'"),
            pytest.raises(ERRORS, match="statement timeout"),
        ):
            store.append(*appends)
        assert heads(*keys) == {keys[-1].stream_id: 1}
        assert store.append(*appends).new == 3

    @pytest.mark.scenario(19)
    def test_lets_a_command_wait_and_then_decide_on_what_the_other_left(self, store):
        key = stream()
        append_elsewhere(key, counted(1))

        def add_in_a_transaction():
            with transaction.atomic():
                the_store.append([of(key, counted(10))])
                with once_one_waits(lambda: None):
                    begun.set_result(None)

        begun: Future[None] = Future()
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(elsewhere, add_in_a_transaction)
            begun.result(30)
            done = store.execute(key, lambda counter: counter.count(counter.total))
            other.result(30)
        assert (done.state.total, done.version) == (22, 3)

    @pytest.mark.scenario(19)
    def test_lets_a_command_time_out_if_the_session_says_so(self, store):
        key = stream()
        append_elsewhere(key)
        with (
            locked(key),
            store.session("lock_timeout = '50ms'"),
            pytest.raises(ERRORS, match="lock timeout"),
        ):
            store.execute(key, lambda counter: pytest.fail("It had not the lock."))
        assert versions(store, key) == [1]


class TestLockingStreams:
    def test_creates_what_is_missing_and_returns_the_versions(self, store):
        old, new = stream(), stream()
        append_elsewhere(old, *ones(3))
        with store.transaction():
            assert store.lock(old) == {old: 3}
            assert store.lock(new, old) == {new: 0, old: 3}
            assert store.lock() == {}
        assert heads(old, new) == {old.stream_id: 3, new.stream_id: 0}

    @pytest.mark.scenario(19)
    def test_keeps_other_writers_out_until_the_transaction_ends(self, store):
        key = stream()
        append_elsewhere(key)
        with ThreadPoolExecutor(1) as pool:
            with store.transaction():
                store.lock(key)
                other = pool.submit(append_elsewhere, key, counted(10))
                until(lambda: sessions(WAITING))
                assert versions(store, key) == [1]
                store.append(of(key, counted(2)))
            other.result(30)
        assert [recorded.event.by for recorded in store.read(key)] == [1, 2, 10]

    def test_of_another_type_is_refused(self, store):
        key = stream()
        append_elsewhere(key)
        other = type(key)(key.tenant_id, key.stream_id, "file")
        with store.transaction(), pytest.raises(WrongStreamType, match="a counter, not a file"):
            store.lock(other)

    def test_without_a_transaction_is_refused_for_it_would_be_over_at_once(self, store):
        for keys in ([stream()], [stream(), stream()]):
            with pytest.raises(TransactionManagementError, match="there is none: begin one"):
                store.lock(*keys)
            assert heads(*keys) == {}
