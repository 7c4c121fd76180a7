"""What an append does, refuses and repeats: the same on both sides."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from eventstore import store as the_store
from eventstore.events import Metadata
from eventstore.steps import ERRORS
from eventstore.store import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    OtherContent,
    StreamConflict,
    WrongStreamType,
)
from tests.eventstore.conformance.examples import noted
from tests.eventstore.conformance.sides import (
    COMMITTING,
    WAITING,
    another_session,
    append_elsewhere,
    elsewhere,
    kill_sessions,
    locked,
    of,
    once_one_waits,
    ones,
    sessions,
    versions,
)
from tests.eventstore.examples import NOON, Counted, counted, stream
from tests.eventstore.servers import until

pytestmark = COMMITTING


def identified(count, by=1):
    return [counted(by, event_id=uuid4()) for _ in range(count)]


def heads(*keys):
    """Return which of the streams have a row, and at which version: as another session sees it."""
    with another_session() as other:
        rows = other.execute(
            "SELECT stream_id, version FROM eventstore_stream WHERE stream_id = ANY(%s)",
            [[key.stream_id for key in keys]],
        )
        return dict(rows.fetchall())


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
        with pytest.raises(ERRORS, match=r"storedevent_\d+_pkey"), another_session() as other:
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


class TestABatch:
    @pytest.mark.scenario(12)
    def test_of_30_000_events_is_stored_whole(self, store):
        key, event = stream(), counted()
        assert store.append(of(key, *[event] * 30_000)).versions == {key: 30_000}
        [last] = store.read(key, backwards=True, limit=1)
        first = next(iter(store.read(key)))
        assert last.position - first.position == 29_999

    @pytest.mark.scenario(12)
    def test_of_4_000_repeats_and_some_news_takes_seconds(self, store):
        # By a table that seems to hold little, as after its creation.
        key, events = stream(), identified(4_000)
        store.append(of(key, *events, expected=0))
        with store.session("statement_timeout = '3s'"):
            for step in (1, 2):
                done = store.append(of(key, *events, *identified(1)))
                assert (done.new, len(done.repeated)) == (1, 4_000)
                assert done.versions == {key: 4_000 + step}

    @pytest.mark.scenario(12)
    def test_of_1_500_streams_and_more_events_than_a_call_takes(self, store):
        keys = [stream() for _ in range(1_500)]
        done = store.append(*(of(key, *ones(4)) for key in keys))
        assert done.new == 6_000
        assert done.versions == dict.fromkeys(keys, 4)

    @pytest.mark.scenario(14)
    @pytest.mark.parametrize("streams", [1, 3])
    def test_that_fails_in_its_middle_writes_nothing(self, store, streams):
        keys = sorted(stream() for _ in range(streams))
        appends = [of(key, *ones(2)) for key in keys]
        appends[streams // 2] = of(keys[streams // 2], *ones(2), noted("a NUL: \0"), *ones(2))
        with pytest.raises(ERRORS, match="Unicode"):
            store.append(*appends)
        assert heads(*keys) == {}
        assert [versions(store, key) for key in keys] == [[]] * streams

    @pytest.mark.scenario(14)
    def test_of_which_a_later_call_conflicts_writes_nothing(self, store, monkeypatch):
        monkeypatch.setattr("eventstore.appending.EVENTS_A_CALL", 2)
        keys = sorted(stream() for _ in range(5))
        with pytest.raises(StreamConflict):
            store.append(*(of(key, *ones(1), expected=int(key == keys[-1])) for key in keys))
        assert heads(*keys) == {}


class TestAnEvent:
    @pytest.mark.scenario(46)
    def test_of_a_megabyte_is_stored(self, store):
        key, long = stream(), "ä" * 2**20
        store.append(of(key, noted(long)))
        [recorded] = store.read(key)
        assert recorded.event == noted(long).event


class TestALockThatIsTaken:
    @pytest.mark.scenario(15)
    def test_lets_the_lock_timeout_fire_and_nothing_is_written(self, store):
        key, other = stream(), stream()
        append_elsewhere(key)
        with locked(key), store.session("lock_timeout = '50ms'"):
            for appends in ([of(key, *ones(1))], [of(one, *ones(1)) for one in (key, other)]):
                with pytest.raises(ERRORS, match="lock timeout"):
                    store.append(*appends)
        assert heads(key, other) == {key.stream_id: 1}
        assert store.append(of(key, *ones(1))).versions == {key: 2}

    @pytest.mark.scenario(17)
    def test_lets_the_batch_time_out_and_nothing_is_written(self, store):
        # We have no timeout of our own: the session's statement_timeout is the batch's.
        keys = sorted(stream() for _ in range(3))
        append_elsewhere(keys[-1])
        appends = [of(key, *identified(1)) for key in keys]
        with (
            locked(keys[-1]),
            store.session("statement_timeout = '100ms'"),
            pytest.raises(ERRORS, match="statement timeout"),
        ):
            store.append(*appends)
        assert heads(*keys) == {keys[-1].stream_id: 1}
        assert store.append(*appends).new == 3

    @pytest.mark.scenario(19)
    def test_lets_a_command_wait_and_then_decide_on_what_the_other_left(self, store):
        key = stream()
        append_elsewhere(key, counted(1))

        def add_in_a_transaction():
            with transaction.atomic():
                the_store.append([of(key, counted(10))])
                with once_one_waits(lambda: None):
                    begun.set_result(None)

        begun: Future[None] = Future()
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(elsewhere, add_in_a_transaction)
            begun.result(30)
            done = store.execute(key, lambda counter: counter.count(counter.total))
            other.result(30)
        assert (done.state.total, done.version) == (22, 3)

    @pytest.mark.scenario(19)
    def test_lets_a_command_time_out_if_the_session_says_so(self, store):
        key = stream()
        append_elsewhere(key)
        with (
            locked(key),
            store.session("lock_timeout = '50ms'"),
            pytest.raises(ERRORS, match="lock timeout"),
        ):
            store.execute(key, lambda counter: pytest.fail("It had not the lock."))
        assert versions(store, key) == [1]


class TestLockingStreams:
    def test_creates_what_is_missing_and_returns_the_versions(self, store):
        old, new = stream(), stream()
        append_elsewhere(old, *ones(3))
        with store.transaction():
            assert store.lock(old) == {old: 3}
            assert store.lock(new, old) == {new: 0, old: 3}
            assert store.lock() == {}
        assert heads(old, new) == {old.stream_id: 3, new.stream_id: 0}

    @pytest.mark.scenario(19)
    def test_keeps_other_writers_out_until_the_transaction_ends(self, store):
        key = stream()
        append_elsewhere(key)
        with ThreadPoolExecutor(1) as pool:
            with store.transaction():
                store.lock(key)
                other = pool.submit(append_elsewhere, key, counted(10))
                until(lambda: sessions(WAITING))
                assert versions(store, key) == [1]
                store.append(of(key, counted(2)))
            other.result(30)
        assert [recorded.event.by for recorded in store.read(key)] == [1, 2, 10]

    def test_of_another_type_is_refused(self, store):
        key = stream()
        append_elsewhere(key)
        other = type(key)(key.tenant_id, key.stream_id, "file")
        with store.transaction(), pytest.raises(WrongStreamType, match="a counter, not a file"):
            store.lock(other)

    def test_without_a_transaction_is_refused_for_it_would_be_over_at_once(self, store):
        for keys in ([stream()], [stream(), stream()]):
            with pytest.raises(TransactionManagementError, match="there is none: begin one"):
                store.lock(*keys)
            assert heads(*keys) == {}


class TestAConnectionThatTheServerCloses:
    @pytest.mark.scenario(16)
    def test_before_use_costs_one_retry_at_most(self, store):
        key, events = stream(), identified(1)
        store.append(of(key, *ones(1)))
        kill_sessions()
        try:
            done = store.append(of(key, *events, expected=1))
        except ERRORS:
            store.reconnect()
            done = store.append(of(key, *events, expected=1))
        assert (done.new, versions(store, key)) == (1, [1, 2])

    @pytest.mark.scenario(16)
    def test_amid_an_append_leaves_nothing_of_it(self, store):
        key, events = stream(), identified(2)
        append_elsewhere(key)
        with locked(key), once_one_waits(lambda: kill_sessions(WAITING)), pytest.raises(ERRORS):
            store.append(of(key, *events, expected=1))
        store.reconnect()
        assert versions(store, key) == [1]
        assert store.append(of(key, *events, expected=1)).new == 2

    @pytest.mark.scenario(16)
    def test_after_the_commit_makes_no_duplicate(self, store):
        key, events = stream(), identified(2)
        store.append(of(key, *events, expected=0))  # and its answer is lost
        kill_sessions()

        def repeat():
            again = type(store)()
            try:
                return again.append(of(key, *events, expected=0))
            finally:
                again.close()

        done = elsewhere(repeat)
        assert (done.new, len(done.repeated)) == (0, 2)
        assert heads(key) == {key.stream_id: 2}


class TestAtOnce:
    @pytest.mark.scenario(6)
    def test_one_of_those_who_expect_one_version_wins(self, store):
        key = stream()
        for expected in range(4):
            done = store.at_once(
                *[lambda side, n=expected: side.append(of(key, *ones(1), expected=n))] * 8
            )
            assert sum(isinstance(one, StreamConflict) for one in done) == 7
            assert versions(store, key) == list(range(1, expected + 2))

    @pytest.mark.scenario(7)
    def test_those_who_lose_take_no_position(self, store):
        key = stream()
        store.append(of(key, *ones(1)))
        [first] = store.read(key)
        done = store.at_once(*[lambda side: side.append(of(key, *ones(1), expected=1))] * 8)
        assert sum(isinstance(one, StreamConflict) for one in done) == 7
        with another_session() as other:
            row = other.execute("SELECT last_value FROM eventstore_position").fetchone()
        assert row == (first.position + 1,)

    @pytest.mark.scenario(8)
    def test_two_who_create_a_stream_both_succeed(self, store):
        for _ in range(10):
            key = stream()
            done = store.at_once(*[lambda side, k=key: side.append(of(k, *ones(1)))] * 2)
            assert [one.new for one in done] == [1, 1]
            assert versions(store, key) == [1, 2]

    @pytest.mark.scenario(8)
    def test_of_two_who_create_it_and_say_so_one_is_told(self, store):
        for _ in range(10):
            key = stream()
            done = store.at_once(
                *[lambda side, k=key: side.append(of(k, *ones(1), expected=NO_STREAM))] * 2
            )
            assert sum(isinstance(one, StreamConflict) for one in done) == 1
            assert versions(store, key) == [1]

    @pytest.mark.scenario(9)
    def test_every_success_is_an_event(self, store):
        key = stream()
        done = store.at_once(*[lambda side: side.append(of(key, *ones(1)))] * 20)
        assert sorted(one.versions[key] for one in done) == list(range(1, 21))
        assert versions(store, key) == list(range(1, 21))


def test_the_connection_of_these_tests_is_the_callers_where_it_says_so(store):
    """What tests of transactions rely on: nothing is seen outside before the end."""
    key = stream()
    with store.transaction():
        store.append(of(key, *ones(1)))
        assert heads(key) == {}
    assert heads(key) == {key.stream_id: 1}
    assert connection.get_autocommit()
