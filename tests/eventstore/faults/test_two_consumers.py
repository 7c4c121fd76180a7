"""Two consumers on one partition, each a process: every event is handled once, and in order."""

import pytest

from eventstore import feed, store
from eventstore.models import StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import all_at_once, ready, working
from tests.eventstore.servers import until

EVENTS = 200


@pytest.fixture
def partition(handled):
    """A partition with events of several streams to handle."""
    keys = [stream() for _ in range(4)]
    for _ in range(EVENTS // 20):
        store.append([Append(key=key, events=[counted()] * 5) for key in keys])
    return store.partition_of(keys[0].tenant_id)


def consume_all(line, partition):
    ready(line)
    while feed.lag(consumer="tests").events:
        feed.consume(consumer="tests", partition=partition, handle=effects.keep, limit=3)


def consume_and_wait(line, partition):
    """Handle a batch, and stop before its commit."""

    def handle(events):
        effects.keep(events)
        line.send(len(events))
        line.recv()

    feed.consume(consumer="tests", partition=partition, handle=handle, limit=50)


def refuse(events):
    pytest.fail("It is another one's.")


def test_that_race_for_it_handle_every_event_once_and_in_order(partition):
    all_at_once(consume_all, (partition,), (partition,))
    assert [position for position, _, _ in effects.kept()] == list(
        StoredEvent.objects.order_by("position").values_list("position", flat=True)
    )


@pytest.mark.scenario(40)
def test_of_which_one_has_a_batch_leave_it_to_that_one(partition):
    with working(consume_and_wait, (partition,)) as (busy,):
        assert busy.hear() == 50
        assert feed.consume(consumer="tests", partition=partition, handle=refuse) == 0
        busy.tell("commit")
        busy.end()
    effects.consume_all()
    effects.assert_all_are_handled_once()


def test_of_which_one_is_killed_in_a_batch_lose_and_double_nothing(partition):
    with working(consume_and_wait, (partition,)) as (killed,):
        assert killed.hear() == 50
        killed.kill()
        until(lambda: feed.consume(consumer="tests", partition=partition, handle=effects.keep))
    effects.consume_all()
    effects.assert_all_are_handled_once()
    assert len(effects.kept()) == EVENTS
