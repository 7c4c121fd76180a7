"""The log as a stream: exact windows, memory that does not grow, and an honest end."""

import tracemalloc
from collections.abc import Generator
from contextlib import closing
from datetime import timedelta
from itertools import islice
from typing import cast
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from eventstore import events as codec
from eventstore import feed, store, streaming
from eventstore.events import Event, RecordedEvent, UnreadableEvent, event_type
from eventstore.models import StoredEvent
from eventstore.store import Append, NewEvent
from tests.eventstore.examples import NOON, counted, stream
from tests.eventstore.servers import until
from tests.eventstore.test_feed import open_append

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
TENANTS = [UUID(int=number) for number in range(1, 4)]


@event_type("test.reset")
class Reset(Event, frozen=True):
    pass


def append(tenant=TENANTS[0], *events):
    store.append([Append(key=stream(tenant), events=events or [counted()])])


def stored(**conditions):
    rows = StoredEvent.objects.filter(**conditions).order_by("position")
    return list(rows.values_list("position", flat=True))


def read(**window):
    return [recorded.position for recorded in feed.read_log(**window)]


@pytest.fixture
def log():
    """Nine events of three tenants, one an hour, every third one a reset; return the positions."""
    for number in range(9):
        event = Reset() if number % 3 == 2 else counted().event
        append(TENANTS[number // 3], NewEvent(event=event, occurred_at=NOON + number * HOUR))
    return stored()


class TestAWindow:
    @pytest.mark.parametrize("backwards", [False, True])
    def test_is_exact(self, log, backwards, monkeypatch):
        monkeypatch.setattr(streaming, "CHUNK", 2)
        edges, of_one = [log[0] - 1, *log], set(stored(partition=2))
        for after, up_to in [(0, 9), (2, 9), (0, 7), (2, 7), (5, 5), (7, 2)]:
            window = {"after_position": edges[after], "up_to_position": edges[up_to]}
            found = log[after:up_to][:: -1 if backwards else 1]
            for limit in (None, 0, 1, 4, 100):
                asked = {**window, "limit": limit, "backwards": backwards}
                assert read(**asked) == found[:limit], asked
                some = [one for one in found if one in of_one]
                assert read(**asked, partition=2) == some[:limit], asked

    def test_is_as_exact_in_pages(self, log, monkeypatch):
        windows = [
            {"after_position": log[after], "backwards": backwards, "limit": limit} | more
            for after in (0, 3)
            for backwards in (False, True)
            for limit in (None, 0, 1, 4, 5, 100)
            for more in ({}, {"partition": 2}, {"types": ["test.reset"]})
        ]
        whole = [read(**window) for window in windows]
        monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
        monkeypatch.setattr(streaming, "CHUNK", 2)
        assert [read(**window) for window in windows] == whole

    def test_takes_one_tenant_whatever_its_partition_is(self, log):
        assert read(tenant_id=TENANTS[1]) == log[3:6]
        assert read(tenant_id=TENANTS[1], partition=store.partition_of(TENANTS[2])) == []

    def test_takes_stored_types(self, log):
        assert read(types=["test.reset"]) == log[2::3]
        assert read(types={"test.reset", "test.counted"}) == log
        assert read(types=["test.unheard-of"]) == []

    def test_begins_at_a_moment_and_ends_before_another(self, log):
        assert read(occurred_since=NOON + 2 * HOUR) == log[2:]
        assert read(occurred_before=NOON + 2 * HOUR) == log[:2]
        assert read(occurred_since=NOON + HOUR, occurred_before=NOON + 4 * HOUR) == log[1:4]

    def test_takes_all_conditions_together(self, log):
        window = {
            "tenant_id": TENANTS[0],
            "types": ["test.counted"],
            "occurred_since": NOON + HOUR,
            "up_to_position": log[-1],
        }
        assert read(**window) == [log[1]]

    def test_shows_events_as_they_were_recorded(self, log):
        [recorded] = feed.read_log(limit=1)
        assert (recorded.tenant_id, recorded.event) == (TENANTS[0], counted().event)
        assert recorded.occurred_at == NOON
        assert recorded.recorded_at == StoredEvent.objects.earliest("position").recorded_at


class TestTheHorizon:
    @pytest.mark.parametrize("backwards", [False, True])
    def test_is_the_end(self, backwards):
        append()
        before = stored()
        with open_append(stream()):
            append()
            assert read(backwards=backwards) == before
        until(lambda: sorted(read(backwards=backwards)) == stored())

    def test_stands_still_for_a_transaction(self):
        append()
        with transaction.atomic():
            assert read() == []
        read()
        with transaction.atomic():
            assert read() == stored()


def test_memory_does_not_grow_with_the_log():
    def peak(count):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        assert sum(1 for _ in feed.read_log(limit=count)) == count
        return tracemalloc.get_traced_memory()[1] - before

    for _ in range(4):
        append(TENANTS[0], *[counted()] * 5000)
    peak(10)
    tracemalloc.start()
    try:
        few, many = peak(2000), peak(20_000)
    finally:
        tracemalloc.stop()
    assert many < 1.2 * few


def test_several_can_be_read_side_by_side(log):
    both = zip(feed.read_log(), feed.read_log(backwards=True), strict=True)
    assert [(one.position, other.position) for one, other in both] == list(
        zip(log, log[::-1], strict=True)
    )


def test_whoever_stops_early_leaves_no_cursor_behind(log):
    with closing(cast("Generator[RecordedEvent, None, None]", feed.read_log())) as events:
        next(events)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_cursors WHERE name LIKE 'eventstore%%'")
        assert cursor.fetchall() == []


class TestALostConnection:
    @pytest.fixture(autouse=True)
    def _small_chunks(self, monkeypatch):
        monkeypatch.setattr(streaming, "CHUNK", 2)

    @pytest.fixture
    def kill(self):
        """Return what cuts our connection, as a restart of the server would."""
        other = connections.create_connection("default")

        def kill():
            pid = connection.connection.info.backend_pid
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
                assert cursor.fetchone() == (True,)

        yield kill
        other.close()

    def test_is_told_with_the_place_to_read_on_from(self, log, kill):
        seen = []
        events = feed.read_log()
        seen.extend(islice(events, 3))
        kill()
        with pytest.raises(feed.ReadInterrupted, match=f"broke off after position {log[3]}: it ca"):
            seen.extend(events)
        assert [recorded.position for recorded in seen] == log[:4]  # what had arrived is given
        assert read(after_position=log[3]) == log[4:]

    def test_is_no_end_inside_a_transaction_either(self, log, kill):
        read()

        def look():
            with transaction.atomic():
                for _ in feed.read_log(backwards=True):
                    if connection.is_usable():
                        kill()

        with pytest.raises(feed.ReadInterrupted) as caught:
            look()
        assert caught.value.after == log[-2]

    def test_before_the_first_event_says_where_it_began(self, log, kill):
        events = feed.read_log(after_position=log[4])
        kill()
        with pytest.raises(feed.ReadInterrupted, match=f"after position {log[4]}"):
            next(events)
        events = feed.read_log(backwards=True)
        kill()
        with pytest.raises(feed.ReadInterrupted, match="before anything was read"):
            next(events)


def test_an_event_that_cannot_be_read_comes_after_those_before_it(log, monkeypatch):
    monkeypatch.delitem(codec._classes, "test.reset")
    events = feed.read_log()
    assert [recorded.position for recorded in islice(events, 2)] == log[:2]
    with pytest.raises(UnreadableEvent, match=f"position {log[2]}"):
        next(events)
