"""A prepared transaction that owns a position: it has no session, and outlives a crash."""

import pytest
from django.db import connection, transaction

from eventstore import feed, store
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import working


@pytest.fixture
def two_phases(cluster):
    """A server that lets transactions be prepared."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
    cluster.stop()
    cluster.start()
    effects.create()
    return cluster


def append(key):
    store.append([Append(key=key, events=[counted()])])


def append_and_prepare(line, key):
    with transaction.atomic():
        append(key)
        with connection.cursor() as cursor:
            cursor.execute("PREPARE TRANSACTION 'the other half'")
        line.send("prepared")
        line.recv()


def decide(how):
    with connection.cursor() as cursor:
        cursor.execute(f"{how} PREPARED 'the other half'")


def prepare(key):
    """Let a process prepare an append, and die."""
    with working(append_and_prepare, (key,)) as (process,):
        assert process.hear() == "prepared"


def consume(key):
    seen = []
    partition = store.partition_of(key.tenant_id)
    feed.consume(consumer="tests", partition=partition, handle=seen.extend)
    return seen


def assert_held_by_name(events):
    assert effects.kept() == []
    hold = feed.hold()
    assert hold
    (blocker,) = [one for one in hold.blockers if one.application_name == "the other half"]
    assert (blocker.pid, blocker.state) == (None, "prepared")
    assert "a prepared transaction (the other half, prepared since" in str(hold)
    (lag,) = [one for one in feed.lags(consumer="tests") if one.events]
    assert (lag.events, lag.held) == (events, events)


def streams_handled():
    return [stream_id for _, stream_id, _ in effects.kept()]


def test_it_holds_the_feed_by_its_name_even_over_a_crash_until_it_is_decided(two_phases):
    early, late, never = stream(), stream(), stream()
    prepare(early)
    append(late)
    assert consume(late) == []
    assert_held_by_name(1)

    two_phases.stop_immediately()
    two_phases.start()
    append(late)
    assert consume(late) == []
    assert_held_by_name(2)

    decide("COMMIT")
    effects.consume_all()
    assert streams_handled() == [early.stream_id, late.stream_id, late.stream_id]
    assert feed.hold() is None

    prepare(never)
    append(late)
    assert consume(late) == []
    decide("ROLLBACK")
    effects.consume_all()
    assert streams_handled()[3:] == [late.stream_id]
    effects.assert_all_are_handled_once()
