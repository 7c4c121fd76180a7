"""Versions side by side: nothing is lost, doubled or done again at a switch."""

import threading
from dataclasses import replace
from functools import partial

import pytest
from django.db import IntegrityError, connection

from eventstore import feed
from eventstore.failures import PoisonedEvent
from eventstore.models import Checkpoint, LiveProjection
from eventstore.projection import NotCaughtUp, advance, live_version, rebuild, switch
from tests.eventstore.projection.tallies import append, mailed, run, shown, stored, tally
from tests.eventstore.servers import until
from tests.races import run_at_once

pytestmark = pytest.mark.django_db(transaction=True)


WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.mark.scenario(49)
def test_the_next_version_takes_over_without_a_second_mail(live):
    append(10)
    rebuild(live)
    two = tally(2)
    assert rebuild(two, limit=2) == 10
    before = stored()
    assert mailed(2) == []
    switch(two)
    append(10)
    rebuild(two)
    assert live_version("tally") == 2
    assert shown(2) == stored()
    assert mailed(1) == before
    assert mailed(2) == stored()[10:]


def test_the_next_version_never_overtakes_the_live_one(live):
    append(5)
    assert rebuild(tally(2)) == 0
    switch(tally(2))
    rebuild(tally(2))
    rebuild(live)
    assert mailed(1) == []
    assert mailed(2) == shown(1) == shown(2) == stored()


def test_a_switch_takes_the_last_events_along_but_not_many(live):
    append(20)
    rebuild(live)
    with pytest.raises(NotCaughtUp):
        switch(tally(2), limit=1)
    assert live_version("tally") == 1
    assert shown(2) == []
    switch(tally(2), limit=10)
    assert shown(2) == stored()
    assert mailed(2) == []


def test_a_version_ahead_of_the_live_one_is_refused(live):
    append()
    rebuild(live)
    Checkpoint.objects.filter(consumer="tally@1").update(position=0)
    rebuild(tally(2))
    Checkpoint.objects.filter(consumer="tally@2").update(position=10**9)
    with pytest.raises(NotCaughtUp):
        switch(tally(2))


def test_a_switch_amid_appends_and_workers_mails_everything_once(live):
    done = threading.Event()
    two = tally(2)

    def worker():
        try:
            while not done.is_set() or feed.lag(consumer="tally@2").events:
                for one in (live, two):
                    for partition in feed.partitions():
                        advance(one, partition=partition, limit=3)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        append(8)
    switch(two)
    for _ in range(10):
        append(8)
    done.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert shown(2) == stored()
    assert sorted(mailed(1) + mailed(2)) == stored()
    assert mailed(2)


def test_two_switches_at_once_follow_each_other(live):
    append(5)
    rebuild(live)
    versions = [tally(2), replace(tally(2), version=3, handle=lambda events: None)]
    for one in versions:
        rebuild(one)
    run_at_once(*(partial(switch, one) for one in versions), expected=NotCaughtUp)
    append(5)
    rebuild(next(one for one in versions if one.version == live_version("tally")))
    assert sorted(mailed(1) + mailed(2)) == stored()


def test_a_first_switch_waits_for_another_one():
    append()
    two, live_when_two_caught_up = tally(2), []

    def handle_two(events):
        live_when_two_caught_up.append(live_version("tally"))
        two.handle(events)

    def switch_to_two():
        try:
            switch(replace(two, handle=handle_two))
        finally:
            connection.close()

    other = threading.Thread(target=switch_to_two)

    def handle_one(events):
        other.start()
        until(lambda: live_when_two_caught_up or run(WAITING))

    switch(replace(tally(1), handle=handle_one))
    other.join(30)
    assert live_when_two_caught_up == [1]
    assert live_version("tally") == 2


def test_a_version_that_was_switched_off_keeps_up_and_can_come_back(live):
    append(3)
    rebuild(live)
    switch(tally(2))
    append(3)
    rebuild(tally(2))
    rebuild(live)
    switch(live)
    append(3)
    rebuild(live)
    assert shown(1) == stored()
    assert mailed(1) == stored()[:3] + stored()[6:]
    assert mailed(2) == stored()[3:6]


def test_handling_twice_would_be_seen_by_these_tests(live):
    append()
    rebuild(live)
    events = feed.read(partition=0, after=0, until=10**9, limit=9)
    with pytest.raises(IntegrityError):
        live.handle(events)


def test_a_switch_past_an_event_that_failed_ends_its_failure(live):
    append()
    rebuild(live)

    def fail(events):
        raise ValueError("no such service")

    with pytest.raises(PoisonedEvent):
        rebuild(replace(tally(2), handle=fail))
    assert Checkpoint.objects.get(attempts=1).consumer == "tally@2"
    switch(tally(2))
    assert not Checkpoint.objects.filter(attempts__gt=0).exists()
    assert shown(2) == stored()


def test_a_switch_to_what_is_live_changes_nothing(live):
    before = LiveProjection.objects.get()
    append()
    switch(tally(1))
    assert LiveProjection.objects.get().switched_at == before.switched_at
    assert shown(1) == []
