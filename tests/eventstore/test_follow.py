"""Long-running consumers: woken soon, never dependent on it, and stopped cleanly."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from eventstore import consumers, feed, store, wakeups
from eventstore.consumers import Consumer
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import elsewhere, until
from tests.forked import Forked

pytestmark = pytest.mark.django_db(transaction=True)

LISTENERS = """
SELECT {what} FROM pg_stat_activity
WHERE datname = current_database() AND query = 'LISTEN eventstore_appended'
"""


@pytest.fixture
def notifying(monkeypatch):
    """Let appends of this test notify, as EVENTSTORE_NOTIFY does."""
    monkeypatch.setattr(wakeups, "IDLE", 0.1)
    notifier = wakeups.Notifier()
    monkeypatch.setattr(wakeups, "notifier", notifier)
    wakeups.send_after_appends()
    yield
    store.appended.disconnect(dispatch_uid=wakeups.CHANNEL)
    until(lambda: notifier._thread is None)
    until(lambda: all(thread.name != wakeups.CHANNEL for thread in threading.enumerate()))


@contextmanager
def following(handle, *, poll) -> Iterator[None]:
    stop = threading.Event()

    def run():
        try:
            feed.follow(consumer="tests", handle=handle, poll=poll, stop=stop)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def listeners(what="pid"):
    with connection.cursor() as cursor:
        cursor.execute(LISTENERS.format(what=what))
        return [row[0] for row in cursor]


def append(by=1):
    store.append([Append(key=stream(), events=[counted(by)])])


def test_an_append_is_handled_long_before_the_next_poll(notifying):
    seen = []
    with following(seen.extend, poll=600):
        until(listeners)
        for _ in range(3):
            append()
            until(lambda: seen)
            assert [recorded.event.by for recorded in seen] == [1]
            seen.clear()


def test_without_notifications_polling_finds_everything():
    seen = []
    with following(seen.extend, poll=0.05):
        until(listeners)
        append()
        until(lambda: seen)
    assert [recorded.event.by for recorded in seen] == [1]


@pytest.mark.scenario(45)
def test_a_killed_listener_connects_again_and_loses_nothing(notifying):
    seen = []
    with following(seen.extend, poll=600):
        until(listeners)
        (killed,) = listeners("pg_terminate_backend(pid)::int * pid")
        append(7)
        until(lambda: seen)
        until(lambda: listeners() not in ([], [killed]))
        append(8)
        until(lambda: len(seen) == 2)
    assert [recorded.event.by for recorded in seen] == [7, 8]


def test_a_killed_consumer_connects_again(notifying):
    seen, pids = [], []

    def handle(events):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.extend(cursor.fetchone())
        seen.extend(events)

    with following(handle, poll=0.05):
        append(7)
        until(lambda: pids)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pids[0]])
        append(8)
        until(lambda: len({recorded.position for recorded in seen}) == 2)
    until(lambda: feed.lag(consumer="tests").events == 0)
    assert len(set(pids)) > 1


def test_a_poisoned_event_does_not_stop_the_others():
    good, seen = stream(tenant_id=type(stream().tenant_id)(int=1)), []

    def handle(events):
        if any(recorded.event.by == 13 for recorded in events):
            raise ValueError("not 13")
        seen.extend(events)

    with following(handle, poll=0.05):
        append(13)
        until(lambda: [one for one in feed.lags(consumer="tests") if one.attempts])
        store.append([Append(key=good, events=[counted()])])
        until(lambda: seen)
    assert [recorded.stream_id for recorded in seen] == [good.stream_id]


def test_many_appends_are_one_notification(notifying):
    listener = connection.copy()
    try:
        with listener.cursor() as cursor:
            cursor.execute("LISTEN eventstore_appended")
        for _ in range(50):
            wakeups.notifier.ring(partitions={1, 2})
        heard = list(listener.connection.notifies(timeout=1))
    finally:
        listener.close()
    assert 1 <= len(heard) < 10
    assert {notification.payload for notification in heard} == {"1,2"}


STOPPING = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@STOPPING
def test_a_signal_lets_the_batch_at_hand_be_finished(number):
    append(7)
    script = (
        "import django; django.setup(); from django.core.management import call_command\n"
        "from eventstore import consumers\n"
        "import tests.eventstore.examples\n"
        "def handle(events):\n"
        "    print('handling', flush=True)\n    input()\n    print('handled', flush=True)\n"
        "consumers.register(consumers.Consumer('tests', handle))\n"
        "call_command('eventstore_follow', 'tests')"
    )
    with Forked("-c", script, environment=elsewhere(), pipes=True) as worker:
        assert worker.stdout
        assert worker.stdin
        assert worker.stdout.readline() == "handling\n"
        worker.send_signal(number)
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.stdout.read() == "handled\ntests has stopped.\n"
        assert worker.wait(30) == 0
    assert feed.lag(consumer="tests").events == 0


@STOPPING
def test_a_signal_ends_a_wait(number):
    script = (
        "import django; django.setup(); from eventstore import feed\n"
        "feed.follow(consumer='tests', handle=print, poll=600)"
    )
    with Forked("-c", script, environment=elsewhere()) as worker:
        until(listeners)
        begun = time.monotonic()
        worker.send_signal(number)
        assert worker.wait(30) == 0
        assert time.monotonic() - begun < 10


class TestARegisteredConsumer:
    @pytest.fixture(autouse=True)
    def _none_registered(self, monkeypatch):
        monkeypatch.setattr(consumers, "_registered", {})

    def refused(self, name):
        with pytest.raises(CommandError) as refused:
            call_command("eventstore_follow", name)
        return str(refused.value)

    def test_is_named_to_who_asks_for_another(self):
        for name in ("two", "one"):
            consumers.register(Consumer(name, print))
        assert self.refused("three") == (
            "No consumer 'three' is registered; there are: 'one', 'two'."
        )

    def test_is_missed_with_a_word_on_how_to_register_it(self):
        assert self.refused("one") == (
            "No consumer is registered: let an app hand its own to eventstore.consumers.register, "
            "in the ready() of its AppConfig."
        )

    def test_is_registered_once(self):
        consumers.register(Consumer("one", print))
        with pytest.raises(consumers.DuplicateConsumer, match="'one' is registered already"):
            consumers.register(Consumer("one", print))
