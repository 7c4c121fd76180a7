"""An append says at which version it expects a stream, and conflicts at another."""

from uuid import uuid4

import pytest

from eventstore.steps import ERRORS
from eventstore.store import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    OtherContent,
    StreamConflict,
    WrongStreamType,
)
from tests.eventstore.conformance.examples import identified
from tests.eventstore.conformance.sessions import another_session, append_elsewhere, heads
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import counted, stream

pytestmark = COMMITTING


@pytest.mark.scenario(1)
def test_of_nothing_it_does_nothing(store):
    key = stream()
    done = store.append(of(key, expected=7))
    assert (done.new, done.versions) == (0, {})
    assert store.append().new == 0
    assert versions(store, key) == []
    assert heads(key) == {}


class TestExpected:
    @pytest.mark.scenario(5)
    @pytest.mark.parametrize(
        ("standing", "expected", "wanted"),
        [
            (2, NO_STREAM, "stood at version 0"),
            (0, STREAM_EXISTS, "existed"),
            (2, 3, "stood at version 3"),
            (2, 1, "stood at version 1"),
            (0, 1, "stood at version 1"),
        ],
    )
    def test_and_another_found_is_a_conflict_that_says_both(
        self, store, standing, expected, wanted
    ):
        key = stream()
        store.append(of(key, *ones(standing)))
        for events in (ones(1), identified(1)):
            with pytest.raises(StreamConflict) as conflict:
                store.append(of(key, *events, expected=expected))
            assert (conflict.value.expected, conflict.value.actual) == (expected, standing)
            assert str(conflict.value) == (
                f"counter {key.stream_id} stands at version {standing}; it was expected that it "
                f"{wanted}. Load it again and decide anew."
            )
        assert versions(store, key) == list(range(1, standing + 1))

    @pytest.mark.scenario(5)
    @pytest.mark.parametrize(
        ("standing", "expected"),
        [(0, ANY), (2, ANY), (0, NO_STREAM), (2, STREAM_EXISTS), (2, 2)],
    )
    def test_and_found_is_appended_to(self, store, standing, expected):
        key = stream()
        store.append(of(key, *ones(standing)))
        for step, events in enumerate((ones(2), identified(2))):
            if expected in (NO_STREAM, 2):
                expected = standing + 2 * step
            done = store.append(of(key, *events, expected=expected))
            assert (done.new, done.versions) == (2, {key: standing + 2 * (step + 1)})

    def test_to_exist_is_not_met_by_a_stream_that_is_only_locked(self, store):
        key = stream()
        with store.transaction():
            assert store.lock(key) == {key: 0}
        assert heads(key) == {key.stream_id: 0}
        for events in (ones(1), identified(1)):
            with pytest.raises(StreamConflict, match="version 0; it was expected that it existed"):
                store.append(of(key, *events, expected=STREAM_EXISTS))
        assert store.append(of(key, *ones(1), expected=NO_STREAM)).new == 1

    def test_of_a_later_part_of_one_stream_counts_as_well(self, store):
        key = stream()
        assert store.append(of(key, *ones(1)), of(key, *ones(1), expected=1)).new == 2
        assert store.append(of(key, *ones(1), expected=2), of(key, *ones(1), expected=3)).new == 2
        wrong = [
            (of(key, *ones(1)), of(key, *ones(1), expected=9)),
            (of(key, *ones(1), expected=4), of(key, *ones(1), expected=4)),
            (of(key, *ones(1)), of(key, *ones(1), expected=NO_STREAM)),
            (of(key, *ones(1), expected=STREAM_EXISTS), of(key, *ones(1), expected=1)),
        ]
        for parts in wrong:
            with pytest.raises(StreamConflict):
                store.append(*parts)
        assert versions(store, key) == [1, 2, 3, 4]

    def test_of_another_type_of_stream_is_refused(self, store):
        key = stream()
        store.append(of(key, *ones(1)))
        other = type(key)(key.tenant_id, key.stream_id, "file")
        for events in (ones(1), identified(1)):
            with pytest.raises(WrongStreamType, match="is a counter, not a file"):
                store.append(of(other, *events))
        assert versions(store, key) == [1]


class TestTheSameVersionTwice:
    @pytest.mark.scenario(2)
    def test_is_a_conflict_that_writes_nothing(self, store):
        key, other = stream(), stream()
        store.append(of(key, *ones(1), expected=0))
        with pytest.raises(StreamConflict):
            store.append(of(other, *ones(1)), of(key, *ones(1), expected=0))
        assert (versions(store, key), versions(store, other)) == ([1], [])
        assert heads(key, other) == {key.stream_id: 1}

    @pytest.mark.scenario(2)
    def test_is_refused_by_the_database_as_well(self):
        key = stream()
        append_elsewhere(key)
        with pytest.raises(ERRORS, match=r"storedevent(_\d+)?_pkey"), another_session() as other:
            other.execute(
                "INSERT INTO eventstore_storedevent (tenant_id, stream_id, version, partition,"
                " event_id, type, schema_version, data, metadata, occurred_at)"
                " SELECT tenant_id, stream_id, version, partition, gen_random_uuid(), type,"
                " schema_version, data, metadata, occurred_at"
                " FROM eventstore_storedevent WHERE stream_id = %s",
                [key.stream_id],
            )

    @pytest.mark.scenario(2)
    def test_by_an_id_twice_in_a_batch_counts_once_if_it_is_the_same_event(self, store):
        # A duplicate is a repeat, here as anywhere; only other content is a mistake of the writer.
        key, event_id = stream(), uuid4()
        twice = [counted(event_id=event_id), *ones(1), counted(event_id=event_id)]
        assert store.append(of(key, *twice)).new == 2
        other = [counted(1, event_id=uuid4()), counted(2, event_id=event_id)]
        with pytest.raises(OtherContent) as refused:
            store.append(of(key, other[0], other[1], counted(3, event_id=event_id)))
        assert refused.value.event_id == event_id
        assert versions(store, key) == [1, 2]
