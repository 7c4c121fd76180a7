"""Every rule is broken on purpose once, with the guards of the database switched off."""

from contextlib import contextmanager
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from eventstore import check, feed, registry, repository, store
from eventstore.models import Checkpoint, Horizon, Snapshot, Stream
from eventstore.registry import DuplicateStreamType
from eventstore.store import Append
from tests.eventstore.examples import NOON, TENANT, Counter, counted, stream

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def unguarded():
    """Let events be changed, as only a superuser could, by hand."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
        try:
            yield cursor
        finally:
            cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")


def corrupt(sql, *parameters):
    with unguarded() as cursor:
        cursor.execute(sql, parameters)
        assert cursor.rowcount == 1


@pytest.fixture
def key():
    """A stream of seven events, with a snapshot at the fifth, that a consumer has handled."""
    key = stream()
    for _ in range(7):
        repository.execute(
            Counter,
            tenant_id=key.tenant_id,
            stream_id=key.stream_id,
            decide=lambda counter: counter.count(1),
        )
    feed.consume(
        consumer="tests", partition=store.partition_of(key.tenant_id), handle=lambda events: None
    )
    assert Snapshot.objects.get().version == 5
    return key


def found():
    return list(check.findings())


def the_finding():
    [finding] = found()
    return finding


def test_a_clean_store_has_no_finding(key):
    store.append([Append(key=stream(UUID(int=3)), events=[counted()] * 3)])
    with transaction.atomic():
        store.lock([stream()])  # a stream without events is none yet, and no harm
    assert found() == []


def test_an_append_that_is_still_open_is_no_finding(key):
    def go_on(what, done, total):
        store.append([Append(key=key, events=[counted()])])

    assert list(check.findings(watch=go_on)) == []


def test_what_becomes_wrong_after_the_first_look_is_found_by_the_next_check(key):
    # All is read in one snapshot, which begins with the first look.
    def corrupt_later(what, done, total):
        if done == 1:
            Checkpoint.objects.update(position=10**9)

    assert list(check.findings(watch=corrupt_later)) == []
    assert "ahead of the horizon" in the_finding()


class TestVersions:
    def test_a_hole_is_found(self, key):
        corrupt("DELETE FROM eventstore_storedevent WHERE version = 6")
        assert "has 6 events up to version 7: there are holes" in the_finding()

    def test_a_lost_last_event_is_found(self, key):
        corrupt("DELETE FROM eventstore_storedevent WHERE version = 7")
        assert f"Stream {key.stream_id} of tenant {key.tenant_id} stands" in the_finding()
        assert "stands at version 7, its last event at 6" in the_finding()

    def test_a_lost_stream_row_is_found_once(self, key):
        Snapshot.objects.all().delete()
        Stream.objects.all().delete()
        assert "has 7 events and no stream row" in the_finding()


def test_a_stream_of_a_type_that_nobody_registered_is_found(key):
    Stream.objects.create(tenant_id=TENANT, stream_id=uuid4(), type="ghost")
    assert the_finding() == "1 streams are of the type 'ghost', which is not registered."


class TestPositions:
    def test_that_fall_inside_a_stream_are_found(self, key):
        corrupt("UPDATE eventstore_storedevent SET position = position - 8 WHERE version = 7")
        assert "version 7: its position" in the_finding()

    def test_that_are_taken_twice_are_found(self, key):
        other = stream()
        store.append([Append(key=other, events=[counted()])])
        corrupt(
            "UPDATE eventstore_storedevent SET position = position - 1 WHERE stream_id = %s",
            other.stream_id,
        )
        assert "is taken by 2 events" in the_finding()

    def test_that_the_sequence_has_yet_to_hand_out_are_found(self, key):
        corrupt("UPDATE eventstore_storedevent SET position = position + 9 WHERE version = 7")
        assert the_finding().startswith("The last event stands at")

    def test_of_a_horizon_that_the_sequence_has_yet_to_hand_out_are_found(self, key):
        Horizon.objects.update(position=10**9)
        assert the_finding().startswith("The horizon stands at 1000000000, the sequence")

    def test_of_a_fence_that_the_sequence_has_yet_to_hand_out_are_found(self, key):
        Horizon.objects.update(fence_position=10**9, fence_xid=700, held_since=NOON)
        assert the_finding().startswith("The fence stands at 1000000000, the sequence")


def test_events_in_another_partition_than_their_tenants_are_found(key):
    corrupt("UPDATE eventstore_storedevent SET partition = partition + 1 WHERE version = 2")
    own = store.partition_of(TENANT)
    assert the_finding() == (
        f"1 events of tenant {TENANT} are in partition {own + 1}, not in {own}."
    )


class TestEvents:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ("type = 'test.nobody'", "No event class is registered"),
            ("""data = '{"by": "many"}'""", "cannot be read"),
            ("schema_version = 9", "is newer than this code"),
        ],
    )
    def test_that_cannot_be_decoded_are_found_once(self, key, change, reason):
        corrupt(f"UPDATE eventstore_storedevent SET {change} WHERE version = 2")
        assert reason in the_finding()
        assert ", version 2:" in the_finding()

    def test_that_their_aggregate_does_not_know_are_found(self, key, monkeypatch):
        def apply(self, event):
            raise TypeError("Counter does not know it.")

        monkeypatch.setattr(Counter, "apply", apply)
        assert "Counter cannot apply 'test.counted'" in the_finding()


class TestSnapshots:
    def test_that_differ_from_a_replay_are_found(self, key):
        Snapshot.objects.update(state={"total": 6})
        assert "version 5: the snapshot is not what its events make" in the_finding()

    def test_that_cannot_be_read_are_found(self, key):
        Snapshot.objects.update(state={"total": "five"})
        assert "the snapshot cannot be read" in the_finding()

    def test_of_another_version_of_the_state_are_passed_by_as_loads_do(self, key):
        Snapshot.objects.update(state={"total": 6}, state_version=0)
        assert found() == []

    def test_that_are_ahead_of_their_stream_are_found(self, key):
        Snapshot.objects.update(version=8)
        assert "has a snapshot at version 8, but the stream stands at 7" in the_finding()

    def test_of_no_stream_are_found(self, key):
        Snapshot.objects.create(
            tenant_id=TENANT, stream_id=uuid4(), version=1, state_version=1, state={}
        )
        assert "there is no such stream" in the_finding()


def test_a_checkpoint_ahead_of_the_horizon_is_found(key):
    Checkpoint.objects.update(position=10**9)
    assert "Consumer 'tests' stands at 1000000000 in partition" in the_finding()


class TestTheCommand:
    def test_says_that_all_is_well(self, key):
        out = StringIO()
        call_command("eventstore_check", stdout=out)
        assert out.getvalue() == "The event store is as it must be.\n"

    def test_writes_a_line_per_finding_and_fails(self, key):
        Horizon.objects.update(position=10**9)
        Snapshot.objects.update(version=8)
        out = StringIO()
        with pytest.raises(CommandError, match=r"^2 findings\.$"):
            call_command("eventstore_check", stdout=out)
        assert len(out.getvalue().splitlines()) == 2


def test_every_stream_type_belongs_to_one_aggregate():
    with pytest.raises(DuplicateStreamType):
        registry.aggregate(Counter)
    assert registry.aggregate_of("counter") is Counter
    assert {"billing-account", "file", "usage"} <= set(registry.stream_types())
