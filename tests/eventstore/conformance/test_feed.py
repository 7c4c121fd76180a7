"""What readers of all events promise, where no other test of the feed shows it."""

import asyncio

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from eventstore import drivers, feed, horizon
from eventstore import store as the_store
from eventstore.models import Checkpoint
from eventstore.projection import Projection, rebuild, switch
from tests.eventstore.conformance.sessions import append_elsewhere
from tests.eventstore.conformance.sides import COMMITTING, of, ones
from tests.eventstore.examples import stream
from tests.eventstore.servers import until
from tests.eventstore.test_feed import append, consume_until, open_append

pytestmark = COMMITTING

PARTITION = the_store.partition_of(stream().tenant_id)


def consume(seen):
    return feed.consume(consumer="tests", partition=PARTITION, handle=seen.extend)


@pytest.mark.scenario(34)
def test_a_look_for_gaps_is_one_statement():
    append(stream())
    append(stream(), fail=True)
    append(stream())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        horizon.advance()
    looks = [one["sql"] for one in queries if "eventstore_storedevent" in one["sql"]]
    assert looks
    for look in looks:
        assert "pg_current_snapshot" in look
        assert "pg_current_xact_id" in look


@pytest.mark.scenario(36)
def test_a_rebuild_amid_an_append_waits_and_skips_nothing():
    early, late, shown = stream(), stream(), []
    one = Projection("shown", 1, shown.extend, shown.clear)
    with open_append(early):
        append(late)
        assert rebuild(one) == 0
    until(lambda: rebuild(one) or len(shown) == 2)
    assert [recorded.stream_id for recorded in shown] == [early.stream_id, late.stream_id]
    switch(one)
    assert len(shown) == 2


@pytest.mark.scenario(37)
@pytest.mark.parametrize("first", [0, 1])
def test_interleaved_transactions_are_read_in_order_and_only_when_both_are_over(first, awaiting):
    keys, seen = [stream(), stream()], []

    async def append_in_turns():
        async with drivers.aconnection() as one, drivers.aconnection() as other:
            for db in (one, other):
                await db.execute("BEGIN")
            for _ in range(3):
                for db, key in zip((one, other), keys, strict=True):
                    await the_store.aappend([of(key, *ones(2))], connection=db)
            sides = [one, other]
            await sides[first].commit()
            delivered = await asyncio.to_thread(append_and_consume)
            await sides[1 - first].commit()
            return delivered

    def append_and_consume():
        append_elsewhere(stream(), *ones(1))
        try:
            consume(seen)
            return list(seen)
        finally:
            connection.close()

    early = awaiting.run(append_in_turns())
    # What is contiguous from the start is delivered; nothing behind the first gap is.
    assert {one.stream_id for one in early} <= {keys[first].stream_id}
    assert len(early) <= 2
    consume_until(seen, 13, partition=PARTITION)
    positions = [one.position for one in seen]
    assert positions == sorted(set(positions))
    for key in keys:
        assert [one.version for one in seen if one.stream_id == key.stream_id] == [1, 2, 3, 4, 5, 6]


@pytest.mark.scenario(42)
def test_a_consumer_has_one_checkpoint_in_a_partition_and_it_does_not_go_back():
    seen, again = [], []
    append(stream())
    consume_until(seen, 1, partition=PARTITION)
    position = Checkpoint.objects.get().position
    with pytest.raises(IntegrityError, match="one_checkpoint"), transaction.atomic():
        Checkpoint.objects.create(consumer="tests", partition=PARTITION, position=0)
    assert feed.consume(consumer="tests", partition=PARTITION, handle=again.extend, up_to=0) == 0
    assert (Checkpoint.objects.get().position, again) == (position, [])


@pytest.mark.scenario(50)
def test_a_stream_that_was_deleted_stops_no_checkpoint():
    # Only by hand, with the guard switched off: the store itself deletes nothing.
    gone, seen = stream(), []
    append(stream())
    for _ in range(3):
        append(gone)
    append(stream())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
        cursor.execute("DELETE FROM eventstore_storedevent WHERE stream_id = %s", [gone.stream_id])
        cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")
    consume_until(seen, 2, partition=PARTITION)
    assert feed.lag(consumer="tests").events == 0
    append(stream())
    consume_until(seen, 3, partition=PARTITION)
