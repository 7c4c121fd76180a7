from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from eventstore import store
from eventstore.events import Metadata
from eventstore.models import StoredEvent, Stream
from eventstore.store import Append, StreamConflict, WrongStreamType
from tests.eventstore.examples import NOON, Counted, counted, stream

pytestmark = pytest.mark.django_db


def versions(key):
    return [recorded.version for recorded in store.read_stream(key)]


class TestAppend:
    def test_gives_the_events_the_next_versions(self):
        key = stream()
        assert store.append([Append(key=key, events=[counted(), counted()])]).new == 2
        assert store.append([Append(key=key, events=[counted()])]).new == 1
        assert versions(key) == [1, 2, 3]
        assert Stream.objects.get(pk=(key.tenant_id, key.stream_id)).version == 3

    def test_of_nothing_writes_nothing(self):
        assert store.append([Append(key=stream(), events=[])]).new == 0
        assert not Stream.objects.exists()

    def test_keeps_data_ids_times_and_metadata(self):
        key, known = stream(), uuid4()
        metadata = Metadata(actor="alice", causation_id=uuid4(), correlation_id=uuid4())
        for events in ([counted(7, event_id=known)], [counted(7)], [counted(7), counted(7)]):
            done = store.append([Append(key=key, events=events)], metadata=metadata)
        found = list(store.read_stream(key))
        assert [recorded.event for recorded in found] == [Counted(by=7)] * 4
        assert {recorded.metadata for recorded in found} == {metadata}
        assert {recorded.occurred_at for recorded in found} == {NOON}
        assert found[-1].recorded_at == done.at
        assert found[0].event_id == known
        assert len({recorded.event_id for recorded in found}) == 4

    def test_at_another_version_than_expected_is_a_conflict_that_says_both(self):
        key = stream()
        store.append([Append(key=key, events=[counted()], expected=0)])
        with pytest.raises(StreamConflict) as conflict:
            store.append([Append(key=key, events=[counted()], expected=0)])
        assert (conflict.value.expected, conflict.value.actual) == (0, 1)
        assert versions(key) == [1]

    def test_drops_an_event_whose_id_the_stream_has(self):
        key, event_id = stream(), uuid4()
        store.append([Append(key=key, events=[counted(event_id=event_id)])])
        again = [counted(event_id=event_id), counted(event_id=uuid4())]
        assert store.append([Append(key=key, events=again)]).new == 1
        assert versions(key) == [1, 2]

    def test_drops_an_id_that_is_given_twice_at_once(self):
        key, event_id = stream(), uuid4()
        twice = [counted(event_id=event_id), counted(event_id=event_id)]
        assert store.append([Append(key=key, events=twice)]).new == 1

    def test_takes_many_streams_at_once_and_one_stream_twice(self):
        one, other = stream(), stream()
        appends = [Append(key=key, events=[counted()]) for key in (one, other, one)]
        assert store.append(appends).new == 3
        assert (versions(one), versions(other)) == ([1, 2], [1])

    def test_takes_positions_in_the_order_of_versions(self):
        key = stream()
        store.append([Append(key=key, events=[counted() for _ in range(500)])])
        positions = [recorded.position for recorded in store.read_stream(key)]
        assert positions == list(range(positions[0], positions[0] + 500))

    def test_refuses_an_id_that_is_a_stream_of_another_type(self):
        key = stream()
        store.append([Append(key=key, events=[counted()])])
        other = type(key)(key.tenant_id, key.stream_id, "file")
        with pytest.raises(WrongStreamType, match="is a counter, not a file"):
            store.append([Append(key=other, events=[counted()])])

    def test_keeps_the_streams_of_tenants_apart(self):
        key = stream()
        other = stream(uuid4(), key.stream_id)
        store.append([Append(key=key, events=[counted()])])
        assert versions(other) == []


class TestRoundTrips:
    """Each statement is one, and a transaction's begin and end are two more."""

    @pytest.fixture
    def key(self):
        key = stream()
        for _ in range(2):  # the second time it is known which table has the tenant's streams
            store.append([Append(key=key, events=[counted()])])
        return key

    @pytest.mark.parametrize(
        ("events", "expected"),
        [(counted, None), (counted, 2), (lambda: counted(event_id=uuid4()), None)],
    )
    def test_of_one_event_is_one(self, key, events, expected, django_assert_num_queries):
        with django_assert_num_queries(1):
            store.append([Append(key=key, events=[events()], expected=expected)])

    @pytest.mark.parametrize("count", [2, 6000])
    def test_of_many_events_of_one_stream_is_one(self, key, count, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert store.append([Append(key=key, events=[counted()] * count)]).new == count

    def test_of_a_repeat_or_a_creation_is_two(self, key, django_assert_num_queries):
        again = [Append(key=key, events=[counted(event_id=uuid4())])]
        store.append(again)
        for appends in (again, [Append(key=stream(), events=[counted()])]):
            with django_assert_num_queries(2):
                store.append(appends)

    def test_of_many_streams_is_one_for_five_thousand_events(self, django_assert_num_queries):
        twice = counted(event_id=uuid4())
        keys = [stream() for _ in range(600)]
        appends = [
            Append(key=key, events=[twice, *[counted()] * 9, twice]) for key in keys for _ in "ab"
        ]
        with django_assert_num_queries(5):  # savepoint, 3 of at most 5000, release
            assert store.append(appends).new == 600 * 19
        assert store.append(appends[:1]).versions == {keys[0]: 28}


class TestReadStream:
    def test_starts_after_a_version(self):
        key = stream()
        store.append([Append(key=key, events=[counted(n) for n in range(1, 6)])])
        read = store.read_stream(key, after_version=3)
        assert [recorded.event for recorded in read] == [Counted(by=4), Counted(by=5)]


class TestTheDatabase:
    @pytest.mark.parametrize(
        "change", ["UPDATE {} SET data = '{{}}'", "DELETE FROM {}", "TRUNCATE {}"]
    )
    @pytest.mark.scenario(18)
    def test_refuses_to_change_events(self, change):
        store.append([Append(key=stream(), events=[counted()])])
        sql = change.format(StoredEvent._meta.db_table)
        with pytest.raises(DatabaseError, match="for ever"), transaction.atomic():
            connection.cursor().execute(sql)
        assert StoredEvent.objects.count() == 1
