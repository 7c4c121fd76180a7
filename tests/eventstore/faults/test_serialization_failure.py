"""A serialization failure: nothing is written, and the same again, in a new transaction, is."""

from itertools import product

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import SerializationFailure

from eventstore import repository, store
from eventstore.models import StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.faults import effects
from tests.races import run_at_once


def append(keys):
    store.append([Append(key=key, events=[counted()]) for key in keys])


def append_once(keys):
    store.append([Append(key=key, events=[counted(event_id=key.stream_id)]) for key in keys])


def execute(keys):
    repository.execute_many(Counter, dict.fromkeys(keys, lambda counter: counter.count(1)))


def in_one_snapshot(run, keys, *, meanwhile, level):
    """Run in a transaction that sees what stood before something happened."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            cursor.execute("SELECT count(*) FROM eventstore_stream")
        meanwhile()
        append([stream()])  # goes with the rest
        run(keys)


@pytest.mark.parametrize("run", [append, append_once, execute])
def test_of_a_writer_takes_all_back_and_the_next_attempt_passes(run, handled):
    for level, held in product(["REPEATABLE READ", "SERIALIZABLE"], [[0], [4], [0, 4]]):
        keys = [stream() for _ in held]
        before = zip(keys, held, strict=True)
        store.append([Append(key=key, events=[counted()] * old) for key, old in before])
        first = StoredEvent.objects.count()

        def elsewhere(keys=keys):
            run_at_once(lambda: run(keys), expected=())

        with pytest.raises(OperationalError) as failed:
            in_one_snapshot(run, keys, meanwhile=elsewhere, level=level)
        assert isinstance(failed.value.__cause__, SerializationFailure)
        assert StoredEvent.objects.count() == first + len(keys)  # those of the one that won

        in_one_snapshot(run, keys, meanwhile=lambda: None, level=level)
        again = 0 if run is append_once else 1
        for key, old in zip(keys, held, strict=True):
            assert total_and_version(key) == (old + 1 + again, old + 1 + again)
    effects.consume_all()
    effects.assert_all_are_handled_once()


def total_and_version(key):
    loaded = repository.load(Counter, tenant_id=key.tenant_id, stream_id=key.stream_id)
    return loaded.state.total, loaded.version
