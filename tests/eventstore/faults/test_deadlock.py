"""A deadlock that the caller makes: the loser writes nothing, and may simply try again."""

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from eventstore import feed, store
from eventstore.models import StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import ready, working
from tests.eventstore.faults.test_lock_order import deadlocks, others
from tests.eventstore.servers import until


def append(key):
    store.append([Append(key=key, events=[counted()])])


def append_to_both(line, mine, theirs):
    """Append to one stream, wait, and append to the other one in the same transaction."""
    ready(line)
    try:
        with transaction.atomic():
            append(mine)
            line.send("holds one")
            line.recv()
            append(theirs)
    except OperationalError as error:
        line.send("lost" if isinstance(error.__cause__, DeadlockDetected) else repr(error))
    else:
        line.send("won")


def versions(key):
    return [recorded.version for recorded in store.read_stream(key)]


@pytest.fixture
def pair():
    keys = [stream(), stream()]
    for key in keys:
        append(key)
    return keys


def test_between_writers_takes_one_of_them_whole_and_leaves_the_other(pair, handled):
    before = deadlocks()
    one, other = pair
    with working(append_to_both, (one, other), (other, one)) as writers:
        for expected in ("ready", "holds one"):
            for writer in writers:
                assert writer.hear() == expected
            for writer in writers:
                writer.tell()
        assert sorted(writer.hear() for writer in writers) == ["lost", "won"]
        for writer in writers:
            writer.end()
    assert versions(one) == versions(other) == [1, 2]
    until(lambda: not others())
    assert deadlocks() == before + 1
    effects.consume_all()
    effects.assert_all_are_handled_once()


def test_in_a_handler_takes_its_effects_back_and_all_is_handled_once(pair, handled):
    one, other = pair
    partition = store.partition_of(one.tenant_id)
    with working(append_to_both, (other, one)) as (writer,):
        assert writer.hear() == "ready"
        writer.tell()
        assert writer.hear() == "holds one"
        tries = []

        def handle(events):
            effects.keep(events)
            tries.append(len(events))
            if len(tries) == 1:
                with connection.cursor() as cursor:
                    # The other one waits for ever: it is we who find the deadlock, and lose.
                    cursor.execute("SET LOCAL deadlock_timeout = '10ms'")
                append(one)
                writer.tell()
                until(lambda: is_waiting(writer))
                append(other)

        feed.consume(consumer="tests", partition=partition, handle=handle)
        assert writer.hear() == "won"
        writer.end()
    assert tries[:2] == [2, 1]  # as a batch, and then one by one
    assert StoredEvent.objects.count() == 4  # two at first, two of the winner
    effects.consume_all()
    effects.assert_all_are_handled_once()


def is_waiting(process):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]
