"""Workers are told to end amid their work; no beat runs, so what they lost would stay undone."""

import signal
from contextlib import contextmanager

import pytest
from django.db import connection
from kombu import Connection

from billing.metering.tasks import sweep
from catacloud.celery import app
from catacloud.celery_urls import celery_url
from tests.billing.metering.faults import usage
from tests.billing.metering.faults.workers import worker
from tests.crashing import own_servers
from tests.eventstore.servers import session, until
from tests.rabbitmq import rabbitmq

EVENTS = 4_000
SOFT = 1.0  # seconds that a worker gives its tasks on SIGQUIT


@contextmanager
def valkey():
    with own_servers() as servers:
        servers.start_valkey()
        yield servers.redis_url


@pytest.fixture(params=[valkey, rabbitmq], ids=["valkey", "rabbitmq"])
def broker(request, transactional_db):
    with request.param() as url:
        yield url


@pytest.fixture
def environment(broker):
    return {
        "CELERY_BROKER_URL": celery_url(broker),
        "WORKER_SOFT_SHUTDOWN_SECONDS": str(SOFT),
    }


@pytest.fixture
def waiting(environment):
    """Events that wait to be folded, and the one message that says so."""
    usage.prepare()
    for body in usage.bodies(EVENTS, batch=EVENTS):
        usage.send(body)
    ask_for_a_sweep(environment)


def ask_for_a_sweep(environment):
    with Connection(environment["CELERY_BROKER_URL"]) as line:
        app.send_task(sweep.name, connection=line)


@contextmanager
def nobody_can_write_days():
    with session("somebody") as other, other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE billing_dailyusage IN SHARE MODE")
        yield


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return cursor.fetchone()[0]


def wait_until_all_is_folded(environment):
    """Wait for what was sent; then for what the saga appended itself, which may want a sweep."""
    until(lambda: usage.folded() == EVENTS)
    ask_for_a_sweep(environment)
    until(usage.is_up_to_date)


def test_what_a_worker_cannot_end_in_time_goes_to_another(waiting, environment, tmp_path):
    with nobody_can_write_days():
        with worker(tmp_path, name="first", concurrency=1, environment=environment) as first:
            until(somebody_waits)
            first.process.send_signal(signal.SIGQUIT)
            first.process.wait(20)
        until(lambda: not somebody_waits())
    assert usage.folded() == 0
    with worker(tmp_path, name="second", environment=environment):
        wait_until_all_is_folded(environment)
    usage.assert_exact(EVENTS)


def test_what_a_worker_can_end_it_ends(waiting, environment, tmp_path):
    with worker(tmp_path, name="first", concurrency=1, environment=environment) as first:
        with nobody_can_write_days():
            until(somebody_waits)
            first.process.send_signal(signal.SIGTERM)
        first.process.wait(20)
    assert 0 < usage.folded() < EVENTS
    with worker(tmp_path, name="second", environment=environment):
        wait_until_all_is_folded(environment)
    usage.assert_exact(EVENTS)


def test_what_a_killed_worker_had_is_handed_out_again_by_rabbitmq(
    waiting, broker, environment, tmp_path
):
    if not broker.startswith("amqp"):
        pytest.skip("Valkey cannot know that a worker is dead: there it is the sweep that helps.")
    with (
        nobody_can_write_days(),
        worker(tmp_path, name="first", concurrency=1, environment=environment),
    ):
        until(somebody_waits)
    with worker(tmp_path, name="second", environment=environment):
        wait_until_all_is_folded(environment)
    usage.assert_exact(EVENTS)
