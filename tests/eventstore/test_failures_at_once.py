"""Somebody decides on an event that fails, while a worker is trying it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from eventstore import failures, feed, store
from eventstore.models import Checkpoint, DeadLetter, StoredEvent
from eventstore.store import Append
from tests.eventstore.conformance.sessions import WAITING, elsewhere, sessions
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import until

pytestmark = pytest.mark.django_db(transaction=True)

PARTITION = store.partition_of(stream().tenant_id)


@pytest.fixture
def position():
    """Where the only event stands."""
    store.append([Append(key=stream(), events=[counted()])])
    Checkpoint.objects.create(consumer="tests", partition=PARTITION)
    return StoredEvent.objects.get().position


def fail(events):
    raise ValueError("not now")


def test_a_skip_waits_for_the_worker_and_does_not_bury_what_it_handled(position):
    with pytest.raises(feed.PoisonedEvent):
        feed.consume(consumer="tests", partition=PARTITION, handle=fail)
    failures.retry(consumer="tests", partition=PARTITION)

    def skip():
        failures.skip(consumer="tests", position=position, reason="Too late", by="ada")

    with ThreadPoolExecutor(1) as pool:
        skipping = []

        def handle(events):
            skipping.append(pool.submit(elsewhere, skip))
            until(lambda: sessions(WAITING))

        assert feed.consume(consumer="tests", partition=PARTITION, handle=handle) == 1
        with pytest.raises(failures.NotFailing):
            skipping[0].result(30)
    assert not DeadLetter.objects.exists()
    assert Checkpoint.objects.get().position == position


def test_a_failure_is_not_recorded_of_what_another_worker_is_just_handling(position):
    def record():
        return failures.record(
            consumer="tests",
            partition=PARTITION,
            after=0,
            until=position,
            error=ValueError("late"),
        )

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Checkpoint.objects.update(position=position)
            recording = pool.submit(elsewhere, record)
            until(lambda: sessions(WAITING))
        assert recording.result(30) is None
    assert Checkpoint.objects.get().attempts == 0
