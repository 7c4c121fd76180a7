"""Writers that start together on the same streams: they queue, and none of them fails."""

from uuid import uuid4

import pytest
from django.db import connection

from eventstore import store
from eventstore.models import StoredEvent, Stream
from eventstore.store import Append, StreamConflict
from tests.eventstore.examples import counted, stream
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
