"""A transaction that is left open: readers wait for it, lose nothing, and say who it is."""

from uuid import UUID

import pytest
from django.db import connection, transaction

from eventstore import feed, store
from eventstore.models import Horizon
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import working

TENANTS, EVENTS = 3, 20


def append_and_wait(line, key):
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', 'a forgotten shell', false)")
    with transaction.atomic():
        store.append([Append(key=key, events=[counted()])])
        line.send(connection.connection.info.backend_pid)
        line.recv()


def append_to_all_tenants():
    for _ in range(EVENTS):
        keys = [stream(UUID(int=tenant)) for tenant in range(TENANTS)]
        store.append([Append(key=key, events=[counted()]) for key in keys])


def consume_now():
    for partition in feed.partitions():
        feed.consume(consumer="tests", partition=partition, handle=effects.keep)


def assert_that_all_wait_for(pid, *, gap):
    assert effects.kept() == []
    hold = feed.hold()
    assert hold
    assert hold.gap == gap
    (blocker,) = [one for one in hold.blockers if one.application_name == "a forgotten shell"]
    assert (blocker.pid, blocker.state) == (pid, "idle in transaction")
    assert blocker.since <= hold.since
    behind = [one for one in feed.lags(consumer="tests") if one.events]
    assert [(one.events, one.held) for one in behind] == [(EVENTS, EVENTS)] * TENANTS
    assert all(one.seconds > 0 for one in behind)


@pytest.mark.scenario(33, 35)
def test_readers_of_all_partitions_wait_for_it_and_lose_nothing(handled):
    early, before = stream(UUID(int=0)), Horizon.objects.get().position
    with working(append_and_wait, (early,)) as (forgotten,):
        pid = forgotten.hear()
        append_to_all_tenants()
        for _ in range(3):
            consume_now()
        assert_that_all_wait_for(pid, gap=before + 1)
        forgotten.tell("commit")
        forgotten.end()
    effects.consume_all()
    effects.assert_all_are_handled_once()
    assert before + 1 in {position for position, _, _ in effects.kept()}
    assert feed.hold() is None


def test_readers_pass_it_once_its_process_is_killed(handled):
    before = Horizon.objects.get().position
    with working(append_and_wait, (stream(),)) as (forgotten,):
        pid = forgotten.hear()
        append_to_all_tenants()
        consume_now()
        assert_that_all_wait_for(pid, gap=before + 1)
        forgotten.kill()
        effects.consume_all()
    effects.assert_all_are_handled_once()
    assert len(effects.kept()) == TENANTS * EVENTS
