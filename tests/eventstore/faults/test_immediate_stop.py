"""PostgreSQL is stopped at once under load, and started again: what was acknowledged is there."""

import time
from collections import Counter as Tally
from contextlib import suppress
from itertools import count
from uuid import UUID, uuid4

from django.db import Error, connection

from eventstore import feed, store
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import ready, working
from tests.eventstore.servers import until

WRITERS = 4


def append_for_ever(line, shared, tenant):
    """Append event after event, and each until it is acknowledged; then tell its id."""
    ready(line)
    own = stream(UUID(int=tenant))
    while not line.poll():
        event_id = uuid4()
        append_until_acknowledged(
            [Append(key=key, events=[counted(event_id=event_id)]) for key in (own, shared)]
        )
        line.send(event_id)


def append_until_acknowledged(appends):
    for attempt in count():
        with suppress(Error):
            store.append(appends)
            return
        connection.close()
        time.sleep(0.02)  # the server is away
        assert attempt < 3000


def append_once(line, keys):
    """Append until the server is gone, each event once; then tell those that were acknowledged."""
    ready(line)
    acknowledged = []
    with suppress(Error):
        for n in count():
            store.append([Append(key=keys[n % len(keys)], events=[counted(n)])])
            acknowledged.append((keys[n % len(keys)].stream_id, n))
    line.send(acknowledged)


def follow(line):
    feed.follow(consumer="tests", handle=effects.keep, poll=0.05)


def heard(processes):
    return [process.line.recv() for process in processes for _ in iter(process.line.poll, False)]


def ids(stored):
    return Tally(stored.values_list("event_id", flat=True))


def start(writers):
    for writer in writers:
        assert writer.hear() == "ready"
        writer.tell("go")


def some_of(writers):
    return [writer.hear() for writer in writers for _ in range(20)]


def checkpoints():
    return dict(Checkpoint.objects.values_list("partition", "position"))


def test_all_that_was_acknowledged_is_there_and_everything_goes_on(cluster):
    effects.create()
    shared = stream(UUID(int=99))
    each = [(shared, tenant) for tenant in range(WRITERS)]
    with working(follow, ()), working(append_for_ever, *each) as writers:
        start(writers)
        acknowledged = some_of(writers)
        until(effects.kept)

        cluster.stop_immediately()
        acknowledged += heard(writers)
        cluster.start()

        found = ids(StoredEvent.objects.all())
        assert [found[event_id] for event_id in acknowledged] == [2] * len(acknowledged)
        consumed, handled = checkpoints(), len(effects.kept())
        acknowledged += some_of(writers)
        for writer in writers:
            writer.tell("stop")
        acknowledged += [event_id for writer in writers for event_id in writer.end()]
        until(lambda: feed.lag(consumer="tests").events == 0)

    assert len(effects.kept()) > handled
    assert all(checkpoints()[partition] >= position for partition, position in consumed.items())
    assert ids(StoredEvent.objects.all()) == dict.fromkeys(acknowledged, 2)
    effects.assert_all_are_handled_once()


def test_appends_without_ids_are_there_when_they_were_acknowledged(cluster):
    each = [([stream(), stream()],) for _ in range(WRITERS)]
    with working(append_once, *each) as writers:
        start(writers)
        until(lambda: StoredEvent.objects.count() > 100)
        cluster.stop_immediately()
        acknowledged = [event for writer in writers for event in writer.hear()]
        cluster.start()
    stored = StoredEvent.objects.values_list("stream_id", "data__by")
    missing = set(acknowledged) - set(stored)
    assert not missing
    assert len(stored) - len(acknowledged) <= WRITERS  # committed, and the answer was lost
    effects.create()
    effects.consume_all()
    effects.assert_all_are_handled_once()
