"""Handlers that are told which events there are, and read them by themselves."""

import pytest
from django.db import connection

from eventstore import feed, store
from eventstore.feed import PoisonedEvent, SetHandler
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append, NewEvent
from tests.eventstore.examples import NOON, Counted, counted, stream
from tests.factories import start_feed_here
from uploads.events import FileExpired

pytestmark = pytest.mark.django_db
KEY = stream()
PARTITION = store.partition_of(KEY.tenant_id)


@pytest.fixture(autouse=True)
def feed_starts_here():
    start_feed_here()


def append(*events):
    store.append([Append(key=KEY, events=list(events))])


def consume(handle, limit=100):
    return feed.consume(
        consumer="tests", partition=PARTITION, handle=SetHandler(handle), limit=limit
    )


def by(window):
    events = [one.event for one in feed.read_window(window, types=(Counted,))]
    return [event.by for event in events if isinstance(event, Counted)]


def test_windows_follow_each_other_without_gap_or_overlap():
    append(*(counted(n) for n in range(1, 6)))
    windows = []
    while consume(windows.append, limit=2):
        pass
    assert [window.count for window in windows] == [2, 2, 1]
    assert [number for window in windows for number in by(window)] == [1, 2, 3, 4, 5]
    assert [window.after for window in windows[1:]] == [window.until for window in windows[:-1]]
    assert windows[-1].recorded_at == StoredEvent.objects.latest("position").recorded_at


def test_a_window_gives_the_events_of_the_types_that_are_asked_for():
    append(counted(7), NewEvent(event=FileExpired(unfinished_size=1), occurred_at=NOON))
    windows = []
    assert consume(windows.append) == 2
    assert by(windows[0]) == [7]
    [other] = feed.read_window(windows[0], types=(FileExpired,))
    assert other.event == FileExpired(unfinished_size=1)


@pytest.mark.parametrize(("has_written", "waits"), [(None, "on"), (True, "on"), (False, "off")])
def test_only_a_batch_that_has_written_waits_for_the_disk(has_written, waits):
    def handle(window):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO on")
        return has_written

    append(counted(1))
    assert consume(handle) == 1
    with connection.cursor() as cursor:  # still in the transaction of the test
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == (waits,)


def test_nothing_to_do_calls_nobody():
    windows = []
    assert consume(windows.append) == 0
    assert windows == []


@pytest.mark.django_db(transaction=True)
def test_an_event_that_fails_is_found_and_those_before_it_are_handled():
    append(counted(1), counted(13), counted(2))
    handled = []

    def handle(window):
        if 13 in by(window):
            raise ValueError("not 13")
        handled.extend(by(window))

    with pytest.raises(PoisonedEvent, match="version 2"):
        consume(handle)
    assert handled == [1]
    assert Checkpoint.objects.get(consumer="tests").attempts == 1


@pytest.mark.django_db(transaction=True)
def test_what_stops_the_handler_is_no_fault_of_an_event():
    append(counted(1), counted(2))

    def handle(window):
        raise TimeoutError("too long")

    with pytest.raises(TimeoutError, match="too long"):
        feed.consume(
            consumer="tests",
            partition=PARTITION,
            handle=SetHandler(handle, stopped_by=(TimeoutError,)),
        )
    checkpoint = Checkpoint.objects.get(consumer="tests")
    assert (checkpoint.position, checkpoint.attempts) == (0, 0)
