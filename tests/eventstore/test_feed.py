"""The feed on a real database, with writers whose transactions overlap."""

import random
import threading
import time
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest
from django.db import connection, transaction

from eventstore import feed, store
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream

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
        early, late = stream(UUID(int=1)), stream(UUID(int=2))
        with open_append(early):
            append(late)
            assert consume([].extend, partition=store.partition_of(late.tenant_id)) == 0
        assert consume([].extend, partition=store.partition_of(late.tenant_id)) == 1

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

    @pytest.mark.scenario(40)
    def test_passes_by_a_partition_that_another_worker_has(self):
        key = stream()
        append(key)
        partition = store.partition_of(key.tenant_id)
        others = []

        def handle(events):
            with ThreadPoolExecutor(1) as pool:
                others.append(pool.submit(elsewhere, partition).result())

        def elsewhere(partition):
            try:
                return consume(pytest.fail, partition=partition)
            finally:
                connection.close()

        consume(handle, partition=partition)
        assert others == [0]


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


@pytest.mark.scenario(38)
def test_under_racing_writers_nothing_is_missed_doubled_or_out_of_order():
    keys = [stream(UUID(int=tenant)) for tenant in range(10)]
    seen, lock, done = [], threading.Lock(), threading.Event()

    def write(seed):
        dice = random.Random(seed)
        for _ in range(40):
            append(dice.choice(keys), fail=dice.random() < 0.1)
        connection.close()

    def handle(events):
        with lock:
            seen.extend(events)

    def read():
        while not done.is_set() or feed.lag(consumer="tests").events:
            for partition in feed.partitions():
                consume(handle, partition=partition, limit=7)
        connection.close()

    with ThreadPoolExecutor(10) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for writer in [pool.submit(write, seed) for seed in range(8)]:
            writer.result()
        done.set()
        for reader in readers:
            reader.result()

    stored = set(StoredEvent.objects.values_list("position", flat=True))
    assert Tally(recorded.position for recorded in seen) == dict.fromkeys(stored, 1)
    for key in keys:
        versions = [recorded.version for recorded in seen if recorded.stream_id == key.stream_id]
        assert versions == list(range(1, len(versions) + 1))
