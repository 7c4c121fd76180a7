"""What commands and loads make of a stream: the same on both sides."""

from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

import pytest
from django.db import connection

from eventstore import rehydrating, snapshots
from eventstore.events import UnreadableEvent
from eventstore.models import Snapshot
from eventstore.snapshots import Always, EveryEvents, Never
from eventstore.steps import ERRORS
from eventstore.store import ReadInterrupted, StreamConflict, appended
from tests.eventstore.conformance.examples import append_as_stored
from tests.eventstore.conformance.sides import (
    COMMITTING,
    Async,
    another_session,
    append_elsewhere,
    kill_sessions,
    of,
    ones,
    versions,
)
from tests.eventstore.examples import Counter, counted, stream

pytestmark = COMMITTING


class Saved(Counter):
    """Saved with every event."""

    stream_type: ClassVar = "saved"
    snapshot: ClassVar = Always()


class Unsaved(Counter):
    stream_type: ClassVar = "unsaved"
    snapshot: ClassVar = Never()


class Hourly(Counter):
    stream_type: ClassVar = "hourly"
    snapshot: ClassVar = snapshots.Every(timedelta(hours=1))


@pytest.fixture
def heard():
    heard = []

    def hear(partitions, **_):
        heard.append(partitions)

    appended.connect(hear)
    yield heard
    appended.disconnect(hear)


def count(by=1, times=1, event_id=None):
    """Return a decision to count, in so many events."""
    return lambda counter: [counted(by, event_id=event_id) for _ in range(times)]


def entry(states, key):
    return states.get(key, state_version=Counter.state_version)


@contextmanager
def no_room(check="false"):
    """Let no snapshot be saved: it meets a constraint."""
    with another_session() as other:
        other.execute(f"ALTER TABLE eventstore_snapshot ADD CONSTRAINT no_room CHECK ({check})")
        try:
            yield
        finally:
            other.execute("ALTER TABLE eventstore_snapshot DROP CONSTRAINT no_room")


def saved(key):
    return Snapshot.objects.filter(stream_id=key.stream_id).values_list("version", flat=True)


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
        assert list(saved(key)) == [5]

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
        assert (heard, list(saved(key))) == ([], [])

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
        assert (heard, list(saved(key))) == ([], [])
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


class TestASnapshot:
    @pytest.mark.scenario(27)
    @pytest.mark.parametrize(
        ("times", "expected"),
        [
            ([1] * 4, []),
            ([1] * 5, [5]),
            ([4, 1], [5]),
            ([4, 3], [7]),  # crossed by several events at once
            ([12], [12]),
            ([4, 3, 4], [7]),
            ([4, 3, 5], [12]),
        ],
    )
    def test_is_saved_every_so_many_events(self, store, times, expected):
        assert Counter.snapshot == EveryEvents(5)
        key = stream()
        for number in times:
            store.execute(key, count(times=number))
        assert list(saved(key)) == expected

    @pytest.mark.scenario(27)
    def test_is_saved_by_commands_without_a_lock_as_well(self, store):
        key = stream()
        for _ in range(6):
            store.execute_optimistically(key, count())
        assert list(saved(key)) == [5]

    @pytest.mark.scenario(27)
    def test_is_saved_always_or_never(self, store):
        for cls, expected in ((Saved, [3]), (Unsaved, [])):
            key = stream()
            for _ in range(3):
                store.execute(key, count(), cls)
            assert list(saved(key)) == expected

    @pytest.mark.scenario(27)
    def test_is_saved_once_an_interval(self, store, states):
        key = stream()
        found = []
        for hours_ago in (0.5, 0.9, 1.1, 0.5):
            store.execute(key, count(), Hourly)
            found.extend(saved(key))
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE eventstore_snapshot SET taken_at = now() - %s * interval '1 hour'"
                    " WHERE stream_id = %s",
                    [hours_ago, key.stream_id],
                )
            states.clear()
        assert found == [1, 1, 1, 4]

    @pytest.mark.scenario(27)
    def test_that_cannot_be_saved_takes_the_command_with_it(self, store, states):
        # On purpose: it is part of the command's transaction, and a store that cannot write its
        # snapshots is to be mended. Nobody is told of a success that is none.
        key = stream()
        store.execute(key, count(times=4))
        before = entry(states, key)
        with no_room(), pytest.raises(ERRORS, match="no_room"):
            store.execute(key, count())
        assert (versions(store, key), entry(states, key)) == ([1, 2, 3, 4], before)
        assert store.execute(key, count()).version == 5

    @pytest.mark.scenario(27)
    def test_that_cannot_be_saved_is_only_a_warning_where_the_events_stand_already(
        self, store, states, heard, caplog
    ):
        key = stream()
        with no_room():
            done = store.execute_optimistically(key, count(times=5))
        assert (done.version, done.state.total, done.saved_version) == (5, 5, 0)
        assert (versions(store, key), len(heard)) == ([1, 2, 3, 4, 5], 1)
        [said] = [one for one in caplog.records if one.name == "eventstore.rehydrating"]
        assert said.levelname == "WARNING"
        text = f"The state of counter {key.stream_id} was not saved; its events stand: "
        assert said.getMessage().startswith(text)
        assert entry(states, key).version == 5
        assert store.execute_optimistically(key, count()).saved_version == 6  # due all the same

    @pytest.mark.scenario(27)
    def test_that_costs_the_connection_is_only_a_warning_there_as_well(self, store, caplog):
        key = stream()
        with no_room("pg_terminate_backend(pg_backend_pid())"):
            assert store.execute_optimistically(key, count(times=5)).version == 5
        store.reconnect()
        assert "was not saved" in caplog.text
        assert store.load(key).version == 5

    @pytest.mark.scenario(23, 27)
    def test_that_cannot_be_saved_takes_the_transaction_of_the_caller_with_it(self, store, states):
        key, other = stream(), stream()

        def write():
            with store.transaction():
                store.append(of(other, *ones(1)))
                store.execute_optimistically(key, count(times=5))

        with no_room(), pytest.raises(ERRORS, match="no_room"):
            write()
        assert (versions(store, key), versions(store, other)) == ([], [])
        assert entry(states, key) is None

    @pytest.mark.scenario(28)
    @pytest.mark.parametrize("how", ["load", "execute"])
    def test_of_another_version_of_the_state_is_ignored(self, store, states, how):
        key = stream()
        store.execute(key, count(times=6))
        states.clear()
        Snapshot.objects.filter(stream_id=key.stream_id).update(
            state_version=0, state={"total": 99}
        )
        assert (store.load(key) if how == "load" else store.execute(key, count(0, 0))).version == 6
        assert store.load(key).state.total == 6
        assert store.execute(key, count(times=5)).state.total == 11
        saved_now = Snapshot.objects.get(stream_id=key.stream_id)
        assert (saved_now.version, saved_now.state_version) == (11, Counter.state_version)

    @pytest.mark.scenario(28)
    @pytest.mark.parametrize("how", ["load", "execute"])
    def test_that_cannot_be_decoded_is_ignored_with_a_warning(self, store, states, caplog, how):
        key = stream()
        store.execute(key, count(times=6))
        states.clear()
        Snapshot.objects.filter(stream_id=key.stream_id).update(state={"total": "six"})
        done = store.load(key) if how == "load" else store.execute(key, lambda _: [])
        assert (done.state.total, done.version) == (6, 6)
        [said] = [record.getMessage() for record in caplog.records]
        assert said.startswith(f"The snapshot of {key.stream_id} cannot be read, so it is not used")


@pytest.mark.scenario(29)
def test_a_state_at_a_version_is_what_so_many_events_make(store, states, monkeypatch):
    monkeypatch.setattr("eventstore.rehydrating.PAGE", 4)
    key = stream()
    for by in range(1, 13):
        store.execute(key, count(by))
    assert list(saved(key)) == [10]
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
    def test_from_a_cached_state_leaves_the_entry_as_it_was(self, store, states):
        key = stream()
        store.execute(key, count(times=3))
        before = entry(states, key)
        append_as_stored(key, "test.unheard-of", {})
        with pytest.raises(UnreadableEvent):
            store.load(key)
        assert entry(states, key) == before


@pytest.mark.scenario(52)
def test_what_a_tenant_has_is_its_own(store):
    # We keep no keys to shred, and withdraw nothing: events never change, so they hold ids and
    # amounts, and who a person is stands in tables that can be emptied. What is left to see here is
    # that one tenant's ids mean nothing to another.
    key, event_id = stream(), uuid4()
    other = stream(uuid4(), key.stream_id)
    store.append(of(key, counted(7, event_id=event_id)))
    done = store.append(of(other, counted(1, event_id=event_id), expected=0))
    assert (done.new, done.repeated) == (1, [])
    assert [one.event.by for one in store.read(key)] == [7]
    assert [one.event.by for one in store.read(other)] == [1]
    third = type(key)(uuid4(), key.stream_id, "file")
    assert store.append(of(third, *ones(1))).versions == {third: 1}
