"""An append that is sent again changes nothing; one that is not quite the same is refused."""

from datetime import timedelta

import msgspec
import pytest

from eventstore.events import Metadata
from eventstore.store import ANY, NO_STREAM, STREAM_EXISTS, OtherContent, StreamConflict
from tests.eventstore.conformance.examples import identified, noted
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import NOON, Counted, stream

pytestmark = COMMITTING


class TestARepeat:
    @pytest.fixture
    def key(self):
        return stream()

    @pytest.fixture
    def events(self):
        return identified(3)

    @pytest.fixture
    def recorded(self, store, key, events):
        store.append(of(key, *ones(2)), metadata=Metadata(actor="alice"))
        store.append(of(key, *events, expected=2), metadata=Metadata(actor="alice"))
        return [one for one in store.read(key) if one.version > 2]

    @pytest.mark.scenario(10)
    def test_returns_what_was_recorded_then(self, store, key, events, recorded):
        for expected in (ANY, STREAM_EXISTS, 2, 5):
            again = of(key, *events, expected=expected)
            done = store.append(again, metadata=Metadata(actor="bob"))
            assert (done.new, done.versions) == (0, {key: 5})
            assert done.repeated == recorded
            assert [one.version for one in done.repeated] == [3, 4, 5]
            assert {one.metadata for one in done.repeated} == {Metadata(actor="alice")}
        assert list(store.read(key, after_version=2)) == recorded

    @pytest.mark.scenario(10)
    def test_of_a_committed_append_is_a_success_also_when_others_appended_since(
        self, store, key, events, recorded
    ):
        store.append(of(key, *ones(4)))
        done = store.append(of(key, *events, expected=2))
        assert (done.new, done.versions, done.repeated) == (0, {key: 9}, recorded)

    @pytest.mark.scenario(10)
    def test_of_a_creation_is_a_success(self, store, key, events):
        for new in (3, 0):
            assert store.append(of(key, *events, expected=NO_STREAM)).new == new
        assert versions(store, key) == [1, 2, 3]

    @pytest.mark.scenario(10)
    def test_of_an_append_to_many_streams_is_a_success(self, store, key, events):
        other = stream()
        for new in (5, 0):
            done = store.append(of(key, *events, expected=0), of(other, *events[:2], expected=0))
            assert (done.new, done.versions) == (new, {key: 3, other: 2})
        assert len(done.repeated) == 5

    @pytest.mark.scenario(10)
    def test_of_its_beginning_is_a_success(self, store, key, events, recorded):
        assert store.append(of(key, *events[:2], expected=2)).repeated == recorded[:2]

    @pytest.mark.scenario(10)
    def test_that_is_not_exactly_the_same_is_a_conflict(self, store, key, events, recorded):
        others = [
            [*events, *identified(1)],  # the same start, and more
            [*identified(1), *events],
            events[::-1],
            [events[1], events[0], events[2]],
            events[1:],  # not what came after the expected version
            [events[0], events[2]],
            [*events[:2], *ones(1)],
        ]
        for other in others:
            with pytest.raises(StreamConflict) as conflict:
                store.append(of(key, *other, expected=2))
            assert (conflict.value.expected, conflict.value.actual) == (2, 5)
        assert versions(store, key) == [1, 2, 3, 4, 5]

    @pytest.mark.scenario(10)
    def test_beside_new_events_is_dropped_where_no_other_version_is_expected(
        self, store, key, events, recorded
    ):
        new = identified(2)
        done = store.append(of(key, new[0], events[1], new[1], expected=5))
        assert (done.new, done.versions) == (2, {key: 7})
        assert done.repeated == recorded[1:2]
        added = [one.event_id for one in store.read(key, after_version=5)]
        assert added == [one.event_id for one in new]

    @pytest.mark.scenario(10)
    @pytest.mark.parametrize(
        "changes",
        [
            {"event": Counted(by=2)},
            {"event": noted("1").event},
        ],
        ids=["data", "type"],
    )
    def test_with_other_content_is_refused_with_all_that_is_beside_it(
        self, store, key, events, recorded, changes
    ):
        other = stream()
        changed = msgspec.structs.replace(events[1], **changes)
        for expected in (ANY, 2, 5):
            beside = [of(other, *ones(1)), of(key, *ones(1), events[0], changed, expected=expected)]
            with pytest.raises(OtherContent) as refused:
                store.append(*beside)
            assert (refused.value.key, refused.value.event_id) == (key, changed.event_id)
            assert str(changed.event_id) in str(refused.value)
        assert versions(store, key) == [1, 2, 3, 4, 5]
        assert versions(store, other) == []

    def test_at_another_time_is_the_same_event_and_keeps_its_first_time(
        self, store, key, events, recorded
    ):
        later = msgspec.structs.replace(events[1], occurred_at=NOON + timedelta(hours=1))
        done = store.append(of(key, later))
        assert (done.new, done.repeated) == (0, recorded[1:2])

    @pytest.mark.scenario(11)
    def test_is_one_of_its_own_stream_only(self, store, key, events, recorded):
        # As it is on purpose: every unique key holds the tenant and the stream, so that appends to
        # different streams share no index page to wait for.
        other = stream()
        done = store.append(of(other, *events))
        assert (done.new, done.repeated) == (3, [])
