"""Writers that start together on the same streams: they queue, and none of them fails."""

from contextlib import nullcontext
from threading import Event
from uuid import uuid4

import pytest
from django.db import connection, transaction

from eventstore import store
from eventstore.models import StoredEvent, Stream
from eventstore.store import Append, StreamConflict
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import until
from tests.races import run_at_once

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, EACH = 8, 25


def assert_in_order(key, count):
    rows = StoredEvent.objects.filter(stream_id=key.stream_id).order_by("version")
    versions, positions = zip(*rows.values_list("version", "position"), strict=True)
    assert list(versions) == list(range(1, count + 1))
    assert sorted(positions) == list(positions)
    assert Stream.objects.get(pk=(key.tenant_id, key.stream_id)).version == count


@pytest.mark.scenario(4)
def test_single_appends_to_one_new_stream():
    key = stream()

    def write():
        for _ in range(EACH):
            store.append([Append(key=key, events=[counted()])])

    run_at_once(*[write] * WRITERS, expected=())
    assert_in_order(key, WRITERS * EACH)


def test_appends_with_and_without_ids_of_their_own():
    key, ids = stream(), [uuid4() for _ in range(EACH)]

    def write_named():
        for event_id in ids:  # the same ids from every writer: each counts once
            store.append([Append(key=key, events=[counted(event_id=event_id)])])

    def write():
        for _ in range(EACH):
            store.append([Append(key=key, events=[counted(), counted()])])

    run_at_once(*[write_named, write] * (WRITERS // 2), expected=())
    assert_in_order(key, EACH + 2 * EACH * WRITERS // 2)


@pytest.mark.parametrize("within", [nullcontext, transaction.atomic])
def test_an_event_that_comes_while_it_is_being_written_is_a_repeat(within):
    key, event_id, is_written = stream(), uuid4(), Event()
    same = Append(key=key, events=[counted(event_id=event_id)])
    store.append([Append(key=key, events=[counted()])])

    def write_first():
        with transaction.atomic():
            store.append([same])
            is_written.set()
            until(someone_waits_for_a_lock)

    def write_again():
        is_written.wait(timeout=20)
        with within():
            again = store.append([same])
            assert (again.new, again.versions) == (0, {key: 2})
            assert [one.event_id for one in again.repeated] == [event_id]

    run_at_once(write_first, write_again, expected=())
    assert_in_order(key, 2)


def someone_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() != (0,)


@pytest.mark.scenario(6)
def test_of_writers_that_expect_one_version_exactly_one_wins():
    key = stream()
    for version in range(EACH):

        def write(version=version):
            store.append([Append(key=key, events=[counted()], expected=version)])

        lost = run_at_once(*[write] * WRITERS, expected=StreamConflict)
        assert len(lost) == WRITERS - 1
    assert_in_order(key, EACH)


@pytest.mark.scenario(7)
def test_a_lost_race_takes_no_position():
    key = stream()
    store.append([Append(key=key, events=[counted()])])

    def position():
        with connection.cursor() as cursor:
            cursor.execute("SELECT last_value FROM eventstore_position")
            return cursor.fetchone()[0]

    before = position()
    for expected in (0, 2):
        with pytest.raises(StreamConflict):
            store.append([Append(key=key, events=[counted()], expected=expected)])
    assert position() == before
