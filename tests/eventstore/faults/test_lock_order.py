"""Writers of overlapping streams lock them in one order, so they cannot deadlock."""

import random

from django.db import connection

from eventstore import repository, store
from eventstore.models import Stream
from eventstore.store import Append
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.faults.processes import all_at_once, ready
from tests.eventstore.servers import until

WRITERS, ROUNDS = 8, 15


def append_to_some(line, old, new, seed):
    """Append to old streams and those of the round, in any order, as events and by commands."""
    ready(line)
    dice = random.Random(seed)
    for of_the_round in new:
        keys = dice.sample(old, k=5) + of_the_round
        dice.shuffle(keys)
        if dice.random() < 0.5:
            ids = [key.stream_id for key in keys]  # the same from every writer: each counts once
            pairs = zip(keys, ids, strict=True)
            store.append([Append(key=k, events=[counted(event_id=i), counted()]) for k, i in pairs])
        else:
            commands = dict.fromkeys(keys, lambda counter: counter.count(1))
            repository.execute_many(Counter, commands)


def deadlocks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def others():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def test_appends_to_overlapping_streams_in_any_order_never_deadlock():
    old = [stream() for _ in range(10)]
    new = [[stream() for _ in range(3)] for _ in range(ROUNDS)]
    store.append([Append(key=key, events=[counted()]) for key in old])
    before = deadlocks()
    all_at_once(append_to_some, *[(old, new, seed) for seed in range(WRITERS)])
    until(lambda: not others())  # a session reports what it counted at its end
    assert deadlocks() == before
    assert Stream.objects.count() == len(old) + 3 * ROUNDS
