"""The feed on a real database, with writers whose transactions overlap."""

import threading
import time
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from eventstore import feed, horizon, store
from eventstore.models import Checkpoint, Horizon, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import until

pytestmark = pytest.mark.django_db(transaction=True)


def append(key, *, fail=False):
    with transaction.atomic():
        store.append([Append(key=key, events=[counted()])])
        if fail:
            transaction.set_rollback(True)


def consume(handle, *, partition, consumer="tests", limit=1000):
    return feed.consume(consumer=consumer, partition=partition, handle=handle, limit=limit)


def consume_until(seen, count, *, partition):
    """Consume as a worker would, again and again: PostgreSQL's own housekeeping may hold a gap."""
    deadline = time.monotonic() + 60
    while len(seen) < count:
        assert time.monotonic() < deadline, f"Only {len(seen)} of {count} events came."
        consume(seen.extend, partition=partition)


@contextmanager
def open_append(key):
    """Append in another connection, and commit only when the block is left."""
    appended, finish = threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            store.append([Append(key=key, events=[counted()])])
            appended.set()
            finish.wait(10)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    appended.wait(10)
    try:
        yield
    finally:
        finish.set()
        thread.join()


class TestAGap:
    @pytest.mark.scenario(31)
    def test_is_waited_for_while_its_writer_is_open_and_then_delivered_in_order(self):
        early, late, seen = stream(), stream(), []
        partition = store.partition_of(early.tenant_id)
        with open_append(early):
            append(late)
            naive = StoredEvent.objects.filter(position__gt=0).values_list("stream_id", flat=True)
            assert list(naive) == [late.stream_id]  # a reader of "id > last" would lose the other
            assert consume(seen.extend, partition=partition) == 0
        consume(seen.extend, partition=partition)
        assert [recorded.stream_id for recorded in seen] == [early.stream_id, late.stream_id]

    @pytest.mark.scenario(31)
    def test_in_another_partition_is_waited_for_as_well(self):
        early, late, seen = stream(UUID(int=1)), stream(UUID(int=2)), []
        partition = store.partition_of(late.tenant_id)
        with open_append(early):
            append(late)
            assert consume(seen.extend, partition=partition) == 0
        consume(seen.extend, partition=partition)
        assert late.stream_id in {recorded.stream_id for recorded in seen}

    @pytest.mark.scenario(32)
    def test_of_a_writer_that_rolled_back_holds_nobody_up(self):
        key, seen = stream(), []
        append(key)
        append(key, fail=True)
        append(key)
        consume_until(seen, 2, partition=store.partition_of(key.tenant_id))
        assert [recorded.version for recorded in seen] == [1, 2]
        assert seen[1].position - seen[0].position == 2

    @pytest.mark.scenario(31)
    def test_of_a_writer_that_began_after_the_one_behind_it_is_waited_for_as_well(self):
        # The later position has the lower transaction id, so when it commits, the snapshot's xmax
        # has not passed the id of the writer that is still open.
        early, late, seen = stream(), stream(), []
        partition = store.partition_of(early.tenant_id)
        consume(pytest.fail, partition=partition)  # makes the rows of horizon and checkpoint
        with ExitStack() as finally_early, transaction.atomic():
            store.lock([late])
            finally_early.enter_context(open_append(early))
            store.append([Append(key=late, events=[counted()])])
            still_open = finally_early.pop_all()
        for _ in range(3):
            assert consume(seen.extend, partition=partition) == 0
        still_open.close()
        consume_until(seen, 2, partition=partition)
        assert [recorded.stream_id for recorded in seen] == [early.stream_id, late.stream_id]


class TestConsume:
    @pytest.mark.scenario(39)
    def test_hands_every_event_over_once(self):
        key, seen = stream(), []
        for _ in range(5):
            append(key)
        partition = store.partition_of(key.tenant_id)
        counts = [consume(seen.extend, partition=partition, limit=2) for _ in range(4)]
        assert counts == [2, 2, 1, 0]
        assert [recorded.version for recorded in seen] == [1, 2, 3, 4, 5]

    def test_keeps_the_checkpoint_where_it_was_when_the_handler_fails(self):
        key = stream()
        append(key)

        def fail(events):
            append(stream())  # an effect, which must go with the failure
            raise RuntimeError("no")

        with pytest.raises(feed.PoisonedEvent):
            consume(fail, partition=store.partition_of(key.tenant_id))
        assert Checkpoint.objects.get().position == 0
        assert StoredEvent.objects.count() == 1

    def test_asks_once_where_there_is_nothing_to_do(self, django_assert_num_queries):
        append(stream())
        partition = store.partition_of(stream().tenant_id)
        consume([].extend, partition=partition)
        with django_assert_num_queries(1):
            assert consume(pytest.fail, partition=partition) == 0

    def test_leaves_the_horizon_alone_while_there_is_something_below_it(self):
        key = stream()
        append(key)
        append(key)
        partition = store.partition_of(key.tenant_id)
        with CaptureQueriesContext(connection) as first:
            assert consume([].extend, partition=partition, limit=1) == 1
        with CaptureQueriesContext(connection) as second:
            assert consume([].extend, partition=partition, limit=1) == 1
        looks = [sum("xmin" in one["sql"] for one in both) for both in (first, second)]
        assert looks == [1, 0]

    def test_refuses_to_be_part_of_a_transaction(self):
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            consume(pytest.fail, partition=0)

    def test_handles_nothing_beyond_where_it_is_told_to_stop(self):
        def refuse(events):
            pytest.fail(f"There is nothing to handle, and not {events}.")

        key, seen = stream(), []
        for _ in range(3):
            append(key)
        partition = store.partition_of(key.tenant_id)
        second = StoredEvent.objects.get(version=2).position
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(horizon, "advance", lambda: pytest.fail("There is no need."))
            feed.consume(consumer="tests", partition=partition, handle=refuse, up_to=second - 2)
        for _ in range(2):
            feed.consume(consumer="tests", partition=partition, handle=seen.extend, up_to=second)
        assert [recorded.version for recorded in seen] == [1, 2]


class TestTheHorizon:
    @pytest.fixture(autouse=True)
    def _small_window(self, monkeypatch):
        monkeypatch.setattr(horizon, "WINDOW", 3)

    def test_goes_on_window_by_window(self):
        for _ in range(8):
            append(stream())
        assert horizon.advance() == StoredEvent.objects.latest("position").position

    def test_stops_before_a_gap_wherever_that_is_in_a_window(self):
        before = horizon.advance()
        for count in range(4):
            append(stream())
            with open_append(stream()):
                append(stream())
                assert horizon.advance() == before + 3 * count + 1
            wait_for = before + 3 * (count + 1)
            until(lambda: horizon.advance() == wait_for)  # noqa: B023

    def test_is_not_set_back_by_who_looked_before_another_moved_it(self, monkeypatch):
        append(stream())
        look = horizon._look

        def look_and_come_late(window):
            seen = look(window)
            monkeypatch.setattr(horizon, "_look", look)
            append(stream())
            assert horizon.advance() == StoredEvent.objects.latest("position").position
            return seen

        monkeypatch.setattr(horizon, "_look", look_and_come_late)
        assert horizon.advance() == StoredEvent.objects.latest("position").position
        assert Horizon.objects.get().position == StoredEvent.objects.latest("position").position

    def test_is_not_moved_inside_a_transaction_where_a_fence_would_prove_nothing(self):
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            horizon.advance()

    def test_is_made_where_there_is_none(self):
        Horizon.objects.all().delete()
        assert horizon.advance() >= 0
        assert Horizon.objects.count() == 1


class TestLag:
    def test_counts_the_events_that_are_not_handled_yet(self):
        assert feed.lag(consumer="tests") == feed.Lag(0, None)
        key = stream()
        append(key)
        append(key)
        lag = feed.lag(consumer="tests")
        assert (lag.events, lag.since) == (2, StoredEvent.objects.earliest("position").recorded_at)
        consume([].extend, partition=store.partition_of(key.tenant_id))
        assert feed.lag(consumer="tests").events == 0
