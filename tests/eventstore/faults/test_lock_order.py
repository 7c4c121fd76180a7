"""Writers of overlapping streams lock them in one order, so they cannot deadlock."""

import random

import pytest
from django.db import connection

from eventstore import repository, store
from eventstore.models import Stream
from eventstore.store import Append
from tests import emptying
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.faults.processes import all_at_once, ready, working
from tests.eventstore.servers import until

WRITERS, ROUNDS = 8, 10
SLOW = """
CREATE FUNCTION fault_slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.002);
    RETURN NEW;
END $$;
CREATE TRIGGER fault_slow BEFORE INSERT ON eventstore_stream
    FOR EACH ROW EXECUTE FUNCTION fault_slow();
"""


def write_to_all(dice, keys):
    """Write to streams in a random order, as events or by commands."""
    keys = dice.sample(keys, k=len(keys))
    if dice.random() < 0.5:
        ids = [key.stream_id for key in keys]  # the same from every writer: each counts once
        pairs = zip(keys, ids, strict=True)
        store.append([Append(key=k, events=[counted(event_id=i), counted()]) for k, i in pairs])
    else:
        repository.execute_many(Counter, dict.fromkeys(keys, lambda counter: counter.count(1)))


def write_to_some(line, old, new, seed):
    """Write to some of the old streams and all that are new in the round, as fast as it goes."""
    ready(line)
    dice = random.Random(seed)
    for of_the_round in new:
        write_to_all(dice, dice.sample(old, k=5) + of_the_round)


def create_all(line, new, seed):
    """Write to the new streams of each round at the moment when the others do."""
    dice = random.Random(seed)
    for of_the_round in new:
        ready(line)
        write_to_all(dice, of_the_round)


def deadlocks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def others():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid() "
            "AND application_name <> %s",
            [emptying.NAME],
        )
        return cursor.fetchone()[0]


@pytest.fixture(autouse=True)
def _no_deadlock(transactional_db):
    connection.close()
    until(lambda: not others())  # a session reports what it counted at its end
    before = deadlocks()
    yield
    until(lambda: not others())
    assert deadlocks() == before


def test_writers_of_overlapping_streams_in_any_order_never_deadlock():
    old = [stream() for _ in range(10)]
    new = [[stream() for _ in range(3)] for _ in range(ROUNDS)]
    store.append([Append(key=key, events=[counted()]) for key in old])
    all_at_once(write_to_some, *[(old, new, seed) for seed in range(WRITERS)])
    assert Stream.objects.count() == len(old) + 3 * ROUNDS


@pytest.fixture
def _slow_creation(transactional_db):
    """Let the creation of a stream take a moment, so that others come in between."""
    with connection.cursor() as cursor:
        cursor.execute(SLOW)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION fault_slow CASCADE")


@pytest.mark.usefixtures("_slow_creation")
def test_writers_that_create_the_same_streams_in_any_order_never_deadlock():
    new = [[stream() for _ in range(5)] for _ in range(ROUNDS)]
    with working(create_all, *[(new, seed) for seed in range(WRITERS)]) as writers:
        for _ in range(ROUNDS):
            for writer in writers:
                assert writer.hear() == "ready"
            for writer in writers:
                writer.tell("go")
        for writer in writers:
            writer.end()
    assert Stream.objects.count() == 5 * ROUNDS
