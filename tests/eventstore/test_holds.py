"""Transactions that stay open: readers wait for them, lose nothing, and name who it is."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from eventstore import feed, holds, store
from eventstore.models import Horizon, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import NOON, counted, stream
from tests.eventstore.servers import session, until

pytestmark = pytest.mark.django_db(transaction=True)

PARTITION = store.partition_of(stream().tenant_id)
TAKE = "SELECT pg_current_xact_id(), nextval('eventstore_position')"


@contextmanager
def position_taken(name: str) -> Iterator[int]:
    """Let another session take a position, and leave its transaction open; yield its pid."""
    with session(name) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(TAKE)
        yield other.connection.info.backend_pid
        other.rollback()


def append(count=1):
    store.append([Append(key=stream(), events=[counted()]) for _ in range(count)])


def consume():
    seen = []
    feed.consume(consumer="tests", partition=PARTITION, handle=seen.extend)
    return [recorded.position for recorded in seen]


def consumed(count):
    """Consume until so many events came: PostgreSQL's own housekeeping may hold a gap as well."""
    seen = []

    def enough():
        seen.extend(consume())
        return len(seen) >= count

    until(enough)
    return seen


def ours():
    """Return what the feed says of the hold, without transactions of PostgreSQL's own."""
    hold = feed.hold()
    assert hold
    return hold, {one.application_name: one for one in hold.blockers}


def lag_lines(**options):
    out = io.StringIO()
    call_command("eventstore_lag", stdout=out, **options)
    return out.getvalue()


class TestAnIdleTransaction:
    def test_keeps_the_time_since_when_it_holds(self):
        with position_taken("still here"):
            append()
            consume()
            first = ours()[0]
            append()
            consume()
            second = ours()[0]
        assert (second.gap, second.since) == (first.gap, first.since)
        assert second.seconds >= first.seconds

    def test_keeps_it_also_where_the_fence_of_another_cluster_is_taken_anew(self):
        with position_taken("still here"):
            append()
            consume()
            Horizon.objects.update(fence_xid=10**15, held_since=NOON)
            consume()
            held = Horizon.objects.get()
        assert held.fence_xid
        assert held.fence_xid < 10**15
        assert held.held_since == NOON


class TestABusyTransaction:
    def test_is_waited_for_and_named_like_an_idle_one(self):
        with session("a long report") as busy:
            busy.set_autocommit(False)
            append()
            consume()
            with busy.cursor() as cursor:
                cursor.execute(TAKE)
                append()
                pgconn = busy.connection.pgconn
                pgconn.send_query(b"SELECT pg_sleep(600)")
                assert consume() == []
                until(lambda: ours()[1]["a long report"].state == "active")
                connection.cursor().execute(
                    "SELECT pg_terminate_backend(%s)", [busy.connection.info.backend_pid]
                )
        assert consumed(1) == [StoredEvent.objects.latest("position").position]


def test_a_long_read_is_innocent():
    with session("a dump") as reader:
        reader.set_autocommit(False)
        with reader.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM eventstore_storedevent")
        with position_taken("the culprit"):
            append()
            consume()
            assert "a dump" not in ours()[1]
        assert consumed(1)


class TestTheWarning:
    def test_comes_once_and_names_the_session(self, settings, caplog):
        settings.EVENTSTORE_HOLD_WARNING = 0
        with position_taken("a forgotten shell") as pid, caplog.at_level(logging.WARNING):
            append()
            for _ in range(3):
                consume()
        (said,) = [record.getMessage() for record in caplog.records]
        assert f"pid {pid} (a forgotten shell, idle in transaction" in said

    def test_does_not_come_early(self, settings, caplog):
        settings.EVENTSTORE_HOLD_WARNING = 3600
        with position_taken("quick"):
            append()
            consume()
        assert not caplog.records


class TestLag:
    def test_shows_by_partition_what_is_held_and_by_whom(self):
        with position_taken("a forgotten shell") as pid:
            append(3)
            consume()
            (lag,) = [one for one in feed.lags() if one.events]
            assert (lag.consumer, lag.partition, lag.events, lag.held) == ("tests", PARTITION, 3, 3)
            assert lag.seconds > 0
            lines = lag_lines()
        assert lines.startswith(f"tests {PARTITION}: 3 events, ")
        assert f"3 held: position {Horizon.objects.get().position + 1} is missing" in lines
        assert f"pid {pid} (a forgotten shell" in lines

    def test_shows_what_fails(self):
        append(2)

        def fail(events):
            raise ValueError("no such service")

        with pytest.raises(feed.PoisonedEvent):
            feed.consume(consumer="tests", partition=PARTITION, handle=fail)
        assert "(attempt 1, next at " in lag_lines(consumer="tests")
        assert "ValueError: no such service" in lag_lines(consumer="tests")

    def test_is_silent_about_who_is_up_to_date(self):
        append()
        until(consume)
        assert lag_lines() == ""

    def test_exits_with_an_error_when_it_is_too_long(self):
        append()
        assert feed.lag(consumer="tests").seconds > 0
        assert lag_lines(consumer="tests", fail_behind=3600.0)
        with pytest.raises(CommandError, match="1 partitions are behind by more than 0 s"):
            lag_lines(consumer="tests", fail_behind=0.0)


def test_a_hold_says_when_nobody_can_be_seen():
    hold = holds.Hold(gap=7, since=None, seconds=2.0, blockers=[])  # type: ignore[arg-type]
    assert str(hold) == "position 7 is missing for 2.0 s, held by nobody that this role may see"
