"""The saga's tasks: which queue they wait in, and what a time limit leaves behind."""

import signal
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from billing.metering import tasks
from billing.metering.folding import doorbell, saga, turns
from billing.metering.usage_tables import DailyUsage
from catacloud.celery import app
from eventstore import feed, store
from eventstore.models import Checkpoint
from tests.billing.metering.examples import measured
from tests.eventstore.servers import session

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@contextmanager
def soft_time_limit(seconds):
    """Do to this process what Celery does to that of a task which takes too long."""

    def exceeded(*_):
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, exceeded)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def advance(organisation):
    saga.advance(partition=store.partition_of(organisation.pk))


@pytest.mark.django_db(transaction=True)
def test_a_fold_that_is_stopped_for_its_time_blames_no_event_and_is_done_again(acme):
    measured(acme, "execution-time", [("1", NOON)])
    advance(acme)
    measured(acme, "execution-time", [("2", NOON), ("4", NOON)])
    with session("somebody") as other, other.cursor() as cursor:
        cursor.execute("BEGIN; SELECT FROM billing_dailyusage FOR UPDATE")
        with soft_time_limit(0.3), pytest.raises(SoftTimeLimitExceeded):
            advance(acme)
    assert not Checkpoint.objects.filter(attempts__gt=0).exists()
    advance(acme)
    assert DailyUsage.objects.get(organisation=acme).quantity == 7


@pytest.mark.django_db(transaction=True)
def test_a_task_folds_all_there_is_in_as_many_turns_as_it_takes(acme, monkeypatch):
    monkeypatch.setattr(turns, "TURN", 0)
    monkeypatch.setattr(saga, "BATCH", turns.LEAST)
    measured(acme, "execution-time", [("1", NOON)] * (turns.LEAST + 1))
    rung = [{"kwargs": {"partition": store.partition_of(acme.pk)}}]  # as the append did
    monkeypatch.setattr(tasks.advance_partition, "apply_async", lambda **sent: rung.append(sent))
    turns_taken = 0
    while rung:
        tasks.advance_partition(**rung.pop()["kwargs"])
        turns_taken += 1
    assert turns_taken > 1
    assert feed.lag(consumer=saga.CONSUMER).events == 0
    assert DailyUsage.objects.get(organisation=acme).event_count == turns.LEAST + 1


@pytest.fixture
def woken(monkeypatch):
    """Return the partitions that are woken: nobody answers."""
    partitions = []
    monkeypatch.setattr(
        tasks.advance_partition,
        "apply_async",
        lambda *, kwargs, **_: partitions.append(kwargs["partition"]),
    )
    return partitions


def test_a_task_whose_turn_is_over_has_itself_woken_again(woken, monkeypatch):
    monkeypatch.setattr(turns, "TURN", 0)
    monkeypatch.setattr(saga, "advance", lambda *, partition, limit: limit)
    tasks.advance_partition(partition=3)
    assert woken == [3]


def test_a_task_lets_the_bell_be_rung_again_before_it_reads(monkeypatch):
    rung = []

    def advance(*, partition, limit):
        rung.append(doorbell.ring([partition]))
        return 0

    monkeypatch.setattr(saga, "advance", advance)
    for partition in (4, 6):  # what another test may have rung
        doorbell.answer(partition)
    for _ in range(2):
        doorbell.ring([5])
        tasks.advance_partition(partition=5)
    assert rung == [[5], [5]]
    assert doorbell.ring([4, 5, 6]) == [4, 6]  # that of 5 rings already


@pytest.mark.django_db(transaction=True)
def test_the_saga_wakes_nobody_for_what_it_appends_itself(acme, woken):
    partition = store.partition_of(acme.pk)
    doorbell.answer(partition)
    measured(acme, "execution-time", [("1", NOON)])
    assert woken == [partition]
    doorbell.answer(partition)
    while saga.advance(partition=partition):
        pass
    assert woken == [partition]
    measured(acme, "execution-time", [("1", NOON)])
    assert woken == [partition, partition]


@pytest.mark.django_db(transaction=True)
def test_a_sweep_wakes_the_partitions_that_are_behind_and_no_other(acme, woken):
    measured(acme, "execution-time", [("1", NOON)])
    woken.clear()  # of what the append itself rang
    tasks.sweep()
    assert woken == [store.partition_of(acme.pk)]
    while saga.advance(partition=store.partition_of(acme.pk)):
        pass
    woken.clear()
    tasks.sweep()
    assert woken == []


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("billing.metering.tasks.advance_partition", "metering"),
        ("billing.metering.tasks.sweep", "metering"),
        ("billing.rankings.tasks.renew", "metering"),
        ("billing.rankings.tasks.rank", "billing"),
        ("billing.invoicing.tasks.close_month", "billing"),
        ("billing.invoicing.tasks.close_accounts", "billing"),
        ("billing.archiving.tasks.archive", "archives"),
        ("uploads.tasks.collect", "uploads"),
    ],
)
def test_every_kind_of_work_has_a_queue_of_its_own(task, queue):
    app.loader.import_default_modules()
    assert task in app.tasks
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_a_worker_takes_from_all_queues_unless_told_otherwise():
    assert set(app.amqp.queues.consume_from) == {"metering", "billing", "uploads", "archives"}


def test_all_that_beat_sends_expires():
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        assert entry["options"]["expires"] > 0, name


def test_no_message_is_handed_out_again_while_its_task_may_still_run():
    app.loader.import_default_modules()
    limits = [task.time_limit or settings.CELERY_TASK_TIME_LIMIT for task in app.tasks.values()]
    assert max(limits) < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]


def test_tasks_are_told_to_end_before_they_are_killed():
    app.loader.import_default_modules()
    for task in app.tasks.values():
        soft = task.soft_time_limit or settings.CELERY_TASK_SOFT_TIME_LIMIT
        assert soft < (task.time_limit or settings.CELERY_TASK_TIME_LIMIT)
