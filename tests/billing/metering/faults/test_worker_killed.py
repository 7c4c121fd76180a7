"""Workers are killed at random points of an import, and every message is delivered twice."""

import random
from collections.abc import Iterator
from functools import partial
from threading import Event, Thread

import pytest

from tests.billing.metering.faults import usage
from tests.billing.metering.faults.workers import TWICE, beat, worker
from tests.eventstore.servers import until

EVENTS, BATCH = 20_000, 1_000
BEFORE = EVENTS * 3 // 4  # those that are sent while the first worker lives
KILLS = 5  # of a process that does a worker's tasks; and once the worker as a whole


@pytest.mark.django_db(transaction=True)
def test_no_event_is_lost_or_counted_twice(tmp_path):
    usage.prepare()
    moments = sorted(random.Random(1).sample(range(BEFORE), KILLS + 1))
    killed = Event()
    importing = Thread(target=usage.send_all, args=[_bodies(killed)])
    with beat(tmp_path, app=TWICE):
        with worker(tmp_path, app=TWICE) as first:
            until(first.children)
            importing.start()
            for moment in moments[:-1]:
                until(partial(usage.has_handled, moment))
                until(first.kill_child)
            until(partial(usage.has_handled, moments[-1]))
        killed.set()
        with worker(tmp_path, app=TWICE):
            importing.join()
            until(usage.is_up_to_date)
    usage.assert_exact(EVENTS)


def _bodies(killed: Event) -> Iterator[bytes]:
    """Yield the import's requests; the last ones wait, so that the second worker has work to do."""
    yield from usage.bodies(BEFORE, batch=BATCH)
    killed.wait()
    yield from usage.bodies(EVENTS, batch=BATCH, start=BEFORE)
