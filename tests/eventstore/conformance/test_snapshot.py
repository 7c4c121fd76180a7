"""When states are saved, and when a saved one is used."""

from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

import pytest
from django.db import connection

from eventstore import saving, snapshots
from eventstore.models import Snapshot
from eventstore.snapshots import Always, EveryEvents, Never
from eventstore.steps import ERRORS
from tests.eventstore.conformance.examples import count, entry, saved
from tests.eventstore.conformance.sessions import another_session, elsewhere
from tests.eventstore.conformance.sides import COMMITTING, Sync, of, ones, versions
from tests.eventstore.examples import Counter, stream

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


@contextmanager
def no_room(check="false"):
    """Let no snapshot be saved: it meets a constraint."""
    with another_session() as other:
        other.execute(f"ALTER TABLE eventstore_snapshot ADD CONSTRAINT no_room CHECK ({check})")
        try:
            yield
        finally:
            other.execute("ALTER TABLE eventstore_snapshot DROP CONSTRAINT no_room")


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
        assert saved(key) == expected

    @pytest.mark.scenario(27)
    def test_is_saved_by_commands_without_a_lock_as_well(self, store):
        key = stream()
        for _ in range(6):
            store.execute_optimistically(key, count())
        assert saved(key) == [5]

    @pytest.mark.scenario(27)
    def test_is_saved_always_or_never(self, store):
        for cls, expected in ((Saved, [3]), (Unsaved, [])):
            key = stream()
            for _ in range(3):
                store.execute(key, count(), cls)
            assert saved(key) == expected

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
        [said] = [one for one in caplog.records if one.name == "eventstore.saving"]
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

    @pytest.mark.scenario(27)
    def test_that_comes_late_does_not_set_a_newer_one_back(self, store, monkeypatch):
        key, save = stream(), saving.save

        def save_late(aggregate, due):
            monkeypatch.setattr(saving, "save", save)
            elsewhere(lambda: Sync().execute(key, count(times=5)))
            yield from save(aggregate, due)

        monkeypatch.setattr(saving, "save", save_late)
        assert store.execute_optimistically(key, count(times=5)).version == 5
        assert saved(key) == [10]

    @pytest.mark.scenario(28)
    def test_of_another_version_of_the_state_is_replaced_at_the_same_event(self, store, states):
        key, event_id = stream(), uuid4()
        store.execute(key, count(times=4))
        store.execute(key, count(event_id=event_id))
        Snapshot.objects.filter(stream_id=key.stream_id).update(state_version=0)
        states.clear()
        store.execute(key, count(event_id=event_id))  # which stands already
        found = Snapshot.objects.get(stream_id=key.stream_id)
        assert (found.version, found.state_version) == (5, Counter.state_version)

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
    def test_of_many_streams_is_used_or_ignored_by_the_same_rules(self, store, states):
        used, old, broken = keys = [stream() for _ in range(3)]
        for key in keys:
            store.execute(key, count(times=6))
        states.clear()
        for key, changes in (
            (used, {"state": {"total": 60}}),  # another than its events make: so it shows
            (old, {"state": {"total": 60}, "state_version": 0}),
            (broken, {"state": {"total": "six"}}),
        ):
            Snapshot.objects.filter(stream_id=key.stream_id).update(**changes)
        done = store.execute_many(dict.fromkeys([used, old], count()))
        assert [done[key].state.total for key in (used, old)] == [61, 7]
        states.clear()
        done = store.execute_many(dict.fromkeys([old, broken], count()))
        assert [done[key].state.total for key in (old, broken)] == [8, 7]

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
