"""Events that a handler cannot handle: they stop their partition, and nothing is lost or hidden."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from eventstore import failures, feed, store
from eventstore.models import Checkpoint, DeadLetter, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import elsewhere, until
from tests.forked import Forked

pytestmark = pytest.mark.django_db(transaction=True)


class Bad(Exception):
    pass


@pytest.fixture
def key():
    return stream()


@pytest.fixture
def partition(key):
    return store.partition_of(key.tenant_id)


def append(key, *amounts):
    store.append([Append(key=key, events=[counted(by) for by in amounts])])


def refuse(by, seen):
    """Return a handler that cannot stand an event of this amount, and writes what it handled."""

    def handle(events):
        for recorded in events:
            seen.append(recorded.event.by)
            append(stream(), recorded.event.by)
            if recorded.event.by == by:
                raise Bad(f"not {by}")

    return handle


def effects(key):
    """What handlers wrote, in order, into other streams."""
    others = StoredEvent.objects.exclude(stream_id=key.stream_id).order_by("position")
    return [data["by"] for data in others.values_list("data", flat=True)]


def consume(handle, partition, **options):
    return feed.consume(consumer="tests", partition=partition, handle=handle, **options)


def fail_once(partition, handle=None):
    with pytest.raises(feed.PoisonedEvent) as caught:
        consume(handle or refuse(13, []), partition)
    return caught.value


def let_time_pass():
    """Do not wait for the next attempt: put it into the past."""
    Checkpoint.objects.exclude(retry_at=None).update(retry_at="2026-01-01T00:00:00Z")


class TestAPoisonedEvent:
    @pytest.mark.scenario(43)
    def test_is_named_and_the_good_ones_before_it_are_handled(self, key, partition):
        append(key, 1, 2, 13, 4)
        poisoned = fail_once(partition)
        assert (poisoned.place.stream_id, poisoned.place.version) == (key.stream_id, 3)
        assert isinstance(poisoned.__cause__, Bad)
        bad = StoredEvent.objects.get(stream_id=key.stream_id, version=3)
        checkpoint = Checkpoint.objects.get()
        assert checkpoint.position == bad.position - 1
        assert (checkpoint.failed_position, checkpoint.attempts) == (bad.position, 1)
        assert checkpoint.error == "Bad: not 13"
        assert effects(key) == [1, 2]

    @pytest.mark.scenario(43)
    def test_waits_for_its_next_attempt_and_then_is_tried_alone(self, key, partition):
        append(key, 13, 4)
        fail_once(partition)
        assert consume(pytest.fail, partition) == 0
        assert feed.partitions_behind(consumer="tests") == []
        let_time_pass()
        batches = []
        assert consume(lambda events: batches.append(len(events)), partition) == 1
        assert Checkpoint.objects.get().attempts == 0
        assert consume(lambda events: batches.append(len(events)), partition, limit=1) == 1
        assert batches == [1, 1]

    @pytest.mark.scenario(43)
    def test_is_tried_later_and_later(self, key, partition):
        append(key, 13)
        waits = []
        for attempt in range(1, 4):
            assert fail_once(partition).attempts == attempt
            checkpoint = Checkpoint.objects.get()
            assert checkpoint.retry_at
            assert checkpoint.failed_at
            waits.append(checkpoint.retry_at - checkpoint.failed_at)
            let_time_pass()
        assert waits == [timedelta(seconds=seconds) for seconds in (1, 2, 4)]

    def test_stops_its_own_partition_only(self, key, partition):
        other = stream(tenant_id=type(key.tenant_id)(int=key.tenant_id.int + 1))
        append(key, 13)
        append(other, 5)
        fail_once(partition)
        seen = []
        consume(seen.extend, store.partition_of(other.tenant_id))
        assert [recorded.event.by for recorded in seen] == [5]

    @pytest.mark.scenario(47)
    def test_that_cannot_be_decoded_is_named_as_well(self, key, partition):
        append(key, 1, 2)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
            cursor.execute(
                "UPDATE eventstore_storedevent SET type = 'test.unheard-of' "
                "WHERE stream_id = %s AND version = 2",
                [key.stream_id],
            )
            cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")
        seen = []
        poisoned = fail_once(partition, seen.extend)
        assert [recorded.version for recorded in seen] == [1]
        assert poisoned.place.version == 2
        said = str(poisoned)
        position = StoredEvent.objects.get(version=2).position
        assert f"stream {key.stream_id}, version 2, position {position}" in said
        assert "test.unheard-of" in said

    def test_of_a_passing_trouble_is_handled_one_by_one_and_not_recorded(self, key, partition):
        append(key, 1, 2, 3)
        batches = []

        def handle(events):
            batches.append(len(events))
            if len(events) > 1:
                raise Bad("a deadlock, say")

        assert consume(handle, partition) == 3
        assert batches == [3, 1, 1, 1]
        assert Checkpoint.objects.get().attempts == 0

    def test_is_found_in_few_tries_among_many(self, key, partition):
        append(key, *[1] * 12, 13, *[1] * 7)
        batches = []

        def handle(events):
            batches.append(len(events))
            refuse(13, [])(events)

        fail_once(partition, handle)
        assert batches == [20, *[2] * 6, 2, 1]
        assert Checkpoint.objects.get().handled == 12

    def test_that_breaks_a_constraint_only_at_the_commit_is_recorded(self, key, partition):
        append(key, 1)

        def handle(events):
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TABLE later (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
                    "INSERT INTO later VALUES (1), (1)"
                )

        assert isinstance(fail_once(partition, handle).__cause__, IntegrityError)


class TestTheRecord:
    def test_of_what_the_database_holds_in_no_text_has_a_sign_for_it(self, key, partition):
        append(key, 1)

        def handle(events):
            raise Bad("a NUL: \0")

        fail_once(partition, handle)
        assert Checkpoint.objects.get().error == "Bad: a NUL: \ufffd"

    @pytest.mark.scenario(43)
    def test_of_a_failure_that_cannot_be_written_is_loud(self, key, partition):
        append(key, 13)
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE eventstore_checkpoint ADD CONSTRAINT no_failures CHECK (attempts = 0)"
            )
        try:
            with pytest.raises(IntegrityError, match="no_failures"):
                consume(refuse(13, []), partition)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE eventstore_checkpoint DROP CONSTRAINT no_failures")
        assert Checkpoint.objects.get().position == 0

    def test_is_not_made_when_another_worker_has_moved_on_meanwhile(self, key, partition):
        append(key, 13)
        consume(pytest.fail, partition, up_to=0)
        until = StoredEvent.objects.get().position
        error = Bad("late")
        Checkpoint.objects.update(position=until)
        args = {"consumer": "tests", "partition": partition, "until": until, "error": error}
        assert failures.record(after=0, **args) is None
        assert Checkpoint.objects.get().attempts == 0

    @pytest.mark.scenario(39, 40, 44)
    def test_is_not_made_for_a_worker_that_was_killed(self, key, partition):
        append(key, 1)
        script = (
            "import django; django.setup(); import time; from eventstore import feed\n"
            "import tests.eventstore.examples\n"
            "def handle(events):\n    print('handling', flush=True)\n    time.sleep(600)\n"
            f"feed.consume(consumer='tests', partition={partition}, handle=handle)"
        )
        with Forked("-c", script, environment=elsewhere(), pipes=True) as worker:
            try:
                assert worker.stdout
                assert worker.stdout.readline() == "handling\n"
                with connection.cursor() as cursor:
                    cursor.execute("SET lock_timeout = '5s'")  # to wait would be wrong
                assert consume(pytest.fail, partition) == 0  # it has the partition
            finally:
                worker.kill()
                connection.close()
        seen = []
        until(lambda: consume(seen.extend, partition))
        assert [recorded.version for recorded in seen] == [1]
        assert Checkpoint.objects.get().attempts == 0


@pytest.mark.scenario(41)
def test_a_checkpoint_that_somebody_moved_takes_the_effects_back(key, partition):
    append(key, 1)

    def handle(events):
        append(stream(), 7)
        Checkpoint.objects.update(position=5_000_000)

    with pytest.raises(feed.CheckpointMoved, match="no longer at 0"):
        consume(handle, partition)
    assert effects(key) == []
    assert Checkpoint.objects.get().position == 0
    assert Checkpoint.objects.get().attempts == 0


class TestSkip:
    @pytest.mark.scenario(43, 47)
    def test_moves_past_the_event_and_keeps_who_and_why(self, key, partition):
        append(key, 13, 4)
        poisoned = fail_once(partition)
        position = str(poisoned.place.position)
        call_command("eventstore_skip", "tests", position, reason="A test run", by="ada")
        letter = DeadLetter.objects.get()
        assert (letter.stream_id, letter.version) == (key.stream_id, 1)
        assert (letter.reason, letter.skipped_by) == ("A test run", "ada")
        assert letter.error == "Bad: not 13"
        seen = []
        consume(seen.extend, partition)
        assert [recorded.event.by for recorded in seen] == [4]

    def test_of_the_same_event_again_keeps_the_decision_of_now(self, key, partition):
        append(key, 13)
        for by in ("ada", "bob"):
            position = fail_once(partition).place.position
            failures.skip(consumer="tests", position=position, reason=f"So says {by}", by=by)
            Checkpoint.objects.all().delete()  # as whoever handles all of it anew
        letter = DeadLetter.objects.get()
        assert (letter.reason, letter.skipped_by) == ("So says bob", "bob")

    def test_refuses_an_event_that_does_not_fail(self, key, partition):
        append(key, 1)
        consume(pytest.fail, partition, up_to=0)
        position = str(StoredEvent.objects.get().position)
        with pytest.raises(CommandError, match="does not fail"):
            call_command("eventstore_skip", "tests", position, reason="Why not", by="ada")
        assert not DeadLetter.objects.exists()

    def test_needs_a_reason(self, key, partition):
        append(key, 13)
        position = str(fail_once(partition).place.position)
        with pytest.raises(CommandError, match="reason"):
            call_command("eventstore_skip", "tests", position, reason=" ", by="ada")
        with pytest.raises(IntegrityError), transaction.atomic():
            failures.skip(consumer="tests", position=int(position), reason="", by="ada")
        assert Checkpoint.objects.get().attempts == 1


class TestRetry:
    def test_does_not_wait_any_longer(self, key, partition):
        append(key, 13)
        fail_once(partition)
        call_command("eventstore_retry", "tests", str(partition))
        assert consume([].extend, partition) == 1

    def test_refuses_a_partition_that_does_not_fail(self, partition):
        with pytest.raises(CommandError, match="not failing"):
            call_command("eventstore_retry", "tests", str(partition))


def test_backoff_doubles_and_has_a_cap():
    assert failures.backoff(1) == timedelta(seconds=1)
    assert failures.backoff(5) == timedelta(seconds=16)
    assert failures.backoff(10) == failures.backoff(10**6) == timedelta(minutes=5)
