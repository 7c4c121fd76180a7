"""Sixteen writers, some of whom roll back, and commits that come late and out of order.

The feed misses nothing, doubles nothing, and keeps the streams in order. Beside it run the readers
that one would write first; each of them is shown to fail in the same run.
"""

import random
import time
from uuid import UUID

import pytest
from django.db import connection, transaction

from eventstore import feed, store
from eventstore.models import StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import ready, working
from tests.eventstore.servers import until

WRITERS, EACH, STREAMS = 16, 15, 10
GRACE = 0.05  # seconds that the reader with a timer gives to writers


def write(line, keys, seed):
    """Append to streams at random; roll back every tenth time, and commit late every third."""
    ready(line)
    dice = random.Random(seed)
    for _ in range(EACH):
        with transaction.atomic():
            chosen = dice.sample(keys, k=dice.choice([1, 1, 2]))
            store.append([Append(key=key, events=[counted()]) for key in chosen])
            if dice.random() < 0.3:
                time.sleep(dice.random() * 0.02)
            transaction.set_rollback(dice.random() < 0.1)


def commit_late(line, quiet, busy):
    """Append to a stream that nobody else has; wait; append to a busy one, and only then commit."""
    with transaction.atomic():
        store.append([Append(key=quiet, events=[counted()])])
        line.send("appended")
        line.recv()
        store.append([Append(key=busy, events=[counted()])])


def consume(line):
    ready(line)
    feed.follow(consumer="tests", handle=effects.keep, poll=0.01, limit=7)


def consume_now(partition):
    feed.consume(consumer="tests", partition=partition, handle=effects.keep)


class AfterTheLast:
    """Reads what has a higher position than the last event that it saw."""

    settled = ""

    def __init__(self, last):
        self.last, self.seen = last, []

    def read(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT position FROM eventstore_storedevent "
                f"WHERE position > %s {self.settled} ORDER BY position",
                [self.last],
            )
            self.seen += [position for (position,) in cursor]
        self.last = max([self.last, *self.seen])


class AfterTheLastAndATime(AfterTheLast):
    """The same, but gives each event a time to let those before it become visible."""

    settled = f"AND recorded_at < clock_timestamp() - interval '{GRACE} s'"


def versions_by_transaction(key):
    """What a reader sees that goes by the ids of transactions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version FROM eventstore_storedevent WHERE tenant_id = %s AND stream_id = %s "
            "ORDER BY xmin::text::bigint, position",
            [key.tenant_id, key.stream_id],
        )
        return [version for (version,) in cursor]


def position_of(key):
    return StoredEvent.objects.get(stream_id=key.stream_id, version=1).position


def last_position():
    return max(StoredEvent.objects.values_list("position", flat=True), default=0)


@pytest.mark.scenario(31, 38)
def test_the_feed_misses_nothing_where_simpler_readers_do(handled):
    keys = [stream(UUID(int=tenant)) for tenant in range(STREAMS)]
    quiet, busy = stream(keys[0].tenant_id), keys[0]  # of one partition
    naive = [reader(last_position()) for reader in (AfterTheLast, AfterTheLastAndATime)]
    writers = [(keys, seed) for seed in range(WRITERS)]
    with (
        working(consume, (), ()) as consumers,
        working(commit_late, (quiet, busy)) as (late,),
        working(write, *writers) as running,
    ):
        assert late.hear() == "appended"
        for process in [*consumers, *running]:
            assert process.hear() == "ready"
        for process in [*consumers, *running]:
            process.tell("go")
        store.append([Append(key=busy, events=[counted()])])

        def the_naive_have_seen_some():
            for reader in naive:
                reader.read()
            consume_now(store.partition_of(busy.tenant_id))  # the feed could have, too
            return all(reader.seen for reader in naive)

        until(the_naive_have_seen_some)
        late.tell("commit")
        for process in [late, *running]:
            process.end()
        until(lambda: feed.lag(consumer="tests").events == 0, 60)

    effects.assert_all_are_handled_once()
    assert position_of(quiet) in {position for position, _, _ in effects.kept()}
    for reader in naive:
        reader.read()
        assert position_of(quiet) not in reader.seen
    turned_round = versions_by_transaction(busy)
    assert turned_round != sorted(turned_round)
