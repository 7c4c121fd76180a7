"""How far and how fast consumers are, at a cost that does not grow with how far they are behind."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from eventstore import feed, standing, store
from eventstore.models import Checkpoint, DeadLetter
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.test_holds import position_taken

pytestmark = pytest.mark.django_db(transaction=True)

KEY = stream()
PARTITION = store.partition_of(KEY.tenant_id)


def append(count):
    store.append([Append(key=KEY, events=[counted(n) for n in range(count)])])


def consume(limit):
    return feed.consume(
        consumer="tests", partition=PARTITION, handle=lambda events: None, limit=limit
    )


def stands(count_up_to=100):
    [one] = standing.standings(count_up_to=count_up_to)
    return one


def earlier(**ago):
    Checkpoint.objects.update(moved_at=F("moved_at") - timedelta(**ago))


class TestAStanding:
    def test_counts_what_is_left_and_what_was_handled(self):
        append(10)
        consume(4)
        consume(3)
        one = stands()
        assert (one.events, one.handled, one.attempts) == (3, 7, 0)
        assert one.since
        assert one.seconds > 0

    def test_counts_no_further_than_it_was_told(self):
        append(10)
        consume(1)
        assert stands(count_up_to=5).events == 5

    def test_knows_the_speed_of_the_last_minute(self):
        append(60)
        consume(60)
        assert stands().per_second == pytest.approx(1, rel=0.05)

    def test_slows_down_while_nothing_is_handled(self):
        append(60)
        consume(60)
        earlier(minutes=1)
        assert stands().per_second == pytest.approx(0.37, abs=0.02)
        earlier(days=10_000)
        assert stands().per_second == pytest.approx(0)

    def test_is_no_faster_for_a_clock_that_was_set_back(self):
        append(60)
        consume(60)
        earlier(hours=-1)
        assert stands().per_second == pytest.approx(1)

    def test_says_which_speed_goes_on_for_minutes(self):
        append(240)
        for _ in range(20):
            consume(12)
            earlier(seconds=6)  # 2 a second, for two minutes
        assert stands().per_second == pytest.approx(2, rel=0.2)


class TestTheFeed:
    def test_ends_at_the_last_position_that_was_handed_out(self):
        append(3)
        before = standing.feed().highest
        append(2)
        assert standing.feed().highest == before + 2

    def test_is_not_held_without_a_gap(self):
        append(1)
        consume(1)
        now = standing.feed()
        assert (now.held_seconds, now.horizon) == (0, now.highest)

    def test_is_held_while_an_open_transaction_may_fill_a_gap(self):
        with position_taken("a forgotten shell"):
            append(1)
            assert consume(1) == 0
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.05)")
            assert standing.feed().held_seconds >= 0.05


def test_dead_letters_are_counted_by_consumer():
    for position in (1, 2):
        DeadLetter.objects.create(
            consumer="tests",
            partition=1,
            position=position,
            tenant_id=KEY.tenant_id,
            stream_id=KEY.stream_id,
            version=position,
            error="ValueError",
            reason="a test",
            skipped_by="tests",
        )
    assert standing.dead_letters() == {"tests": 2}
