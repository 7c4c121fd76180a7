"""A connection that is cut: an error, and never a part of something that passes for the whole."""

import gc
from contextlib import contextmanager
from itertools import count

import pytest
from django.db import connection

from eventstore import cache, repository, store
from eventstore.store import Append
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.faults.interrupted import LOST
from tests.eventstore.faults.wire import When
from tests.eventstore.servers import session

MANY, MIDWAY = 2500, 1000  # more than a reader fetches at once, and a part of that


@pytest.fixture(autouse=True)
def _no_leftovers():
    cache.states.clear()
    yield
    gc.collect()


@pytest.fixture
def key():
    """A stream of many events, without a snapshot."""
    key = stream()
    store.append([Append(key=key, events=[counted() for _ in range(MANY)])])
    return key


@pytest.fixture
def cut_mine():
    """Cut the connection that the test itself works on, as an administrator would."""
    with session("an administrator") as other:

        def cut():
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]
                )

        yield cut
    connection.close()


@pytest.fixture
def cut_while_applying(cut_mine, monkeypatch):
    """Cut the connection while an aggregate is replayed."""
    apply = Counter.apply

    def apply_and_cut(self, event):
        apply(self, event)
        if self.total == MIDWAY:
            cut_mine()

    with monkeypatch.context() as patch:
        patch.setattr(Counter, "apply", apply_and_cut)
        yield
    connection.close()


def load(key):
    return repository.load(Counter, tenant_id=key.tenant_id, stream_id=key.stream_id)


def execute(key):
    return repository.execute(
        Counter,
        tenant_id=key.tenant_id,
        stream_id=key.stream_id,
        decide=lambda counter: counter.count(1),
    )


def is_whole(loaded, events):
    return (loaded.version, loaded.state.total) == (events, events)


@contextmanager
def may_be_lost(wire):
    """Let the block fail where the wire is cut, and only there."""
    try:
        yield
    except LOST:
        assert wire.is_cut
    else:
        assert not wire.is_cut


def is_cached(key):
    return cache.states.get(key, state_version=Counter.state_version) is not None


@pytest.fixture
def cut_everywhere(wire, monkeypatch):
    """Yield before each statement that might be the last one, on a connection of its own."""

    def cuts():
        for when in When:
            for nth in count(1):
                with wire.in_use(monkeypatch):
                    connection.ensure_connection()
                    wire.cut_at(nth, when)
                    yield wire
                if not wire.is_cut:
                    break
            assert nth > 1

    return cuts


class TestReadStream:
    def test_raises_when_its_session_is_ended_midway(self, key, cut_mine):
        got = []

        def read():
            for recorded in store.read_stream(key):
                got.append(recorded.version)
                if recorded.version == MIDWAY:
                    cut_mine()

        with pytest.raises(LOST):
            read()
        assert got == list(range(1, len(got) + 1))
        assert MIDWAY <= len(got) < MANY

    def test_gives_all_or_raises_wherever_it_is_cut(self, key, cut_everywhere):
        for wire in cut_everywhere():
            got = []
            with may_be_lost(wire):
                got.extend(recorded.version for recorded in store.read_stream(key))
                assert got == list(range(1, MANY + 1))


class TestLoad:
    def test_raises_when_its_session_is_ended_midway(self, key, cut_while_applying):
        with pytest.raises(LOST):
            load(key)
        assert not is_cached(key)

    def test_gives_all_or_raises_wherever_it_is_cut(self, key, cut_everywhere):
        for wire in cut_everywhere():
            with may_be_lost(wire):
                assert is_whole(load(key), MANY)
            assert is_cached(key) != wire.is_cut
            cache.states.clear()


class TestExecute:
    def test_writes_nothing_when_its_session_is_ended_midway(self, key, cut_while_applying):
        with pytest.raises(LOST):
            execute(key)
        connection.close()
        assert not is_cached(key)
        assert len(list(store.read_stream(key))) == MANY

    def test_writes_all_or_nothing_wherever_it_is_cut(self, cut_everywhere):
        key, written = stream(), 0
        for wire in cut_everywhere():
            cache.states.clear()
            with may_be_lost(wire):
                assert is_whole(execute(key), written + 1)
            connection.close()
            wire.cut = None  # what follows is let through
            loaded = load(key)
            assert loaded.version in ((written, written + 1) if wire.is_cut else (written + 1,))
            assert is_whole(loaded, loaded.version)
            written = loaded.version
