"""Nothing that a user calls ever fails with a duplicate key, whatever is made at the same time."""

from eventstore import feed, repository, store
from eventstore.models import Checkpoint, Horizon, Snapshot, StoredEvent, Stream
from eventstore.store import Append
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import all_at_once, ready

WRITERS, ROUNDS = 6, 6


def make_the_same(line, rounds):
    """Make the streams, events, snapshots, checkpoints and the horizon that others make too."""
    ready(line)
    for keys in rounds:
        one, several = keys[0], keys[1:]
        store.append([Append(key=one, events=[counted(event_id=one.stream_id)])])
        store.append([Append(key=k, events=[counted(event_id=k.stream_id)]) for k in several])
        for _ in range(2):
            repository.execute_many(Counter, dict.fromkeys(keys, lambda counter: counter.count(1)))
        partition = store.partition_of(one.tenant_id)
        consumer = str(one.stream_id)
        feed.consume(consumer=consumer, partition=partition, handle=effects.keep, limit=1)


def test_what_many_make_at_once_is_there_once(handled):
    rounds = [[stream() for _ in range(3)] for _ in range(ROUNDS)]
    Horizon.objects.all().delete()  # as in a store that was just made
    all_at_once(make_the_same, *[(rounds,)] * WRITERS)
    keys = 3 * ROUNDS
    assert Stream.objects.count() == Snapshot.objects.count() == keys
    assert StoredEvent.objects.count() == keys * (1 + 2 * WRITERS)
    assert Checkpoint.objects.count() == ROUNDS
    assert Horizon.objects.count() == 1
