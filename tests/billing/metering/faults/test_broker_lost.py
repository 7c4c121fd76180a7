"""Valkey is killed while a worker is amid a task, which it could not acknowledge yet."""

import json

import psycopg
import pytest
from django.db import connection

from eventstore import feed
from tests.billing.metering.faults import usage
from tests.billing.metering.faults.workers import UNCHECKED, beat, worker
from tests.crashing import own_servers
from tests.eventstore.servers import elsewhere, until
from tests.forked import Forked

WAITING = """
SELECT FROM pg_locks WHERE relation = 'billing_dailyusage'::regclass AND NOT granted
"""


def call(task, environment, **values):
    program = ("-m", "celery", "-A", "catacloud.celery", "call", task)
    theirs = elsewhere() | UNCHECKED | environment
    with Forked(
        *program, "--kwargs", json.dumps(values), environment=theirs, pipes=True
    ) as process:
        assert process.wait() == 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_amid_a_task_outlives_the_broker_and_goes_on_with_the_next(tmp_path):
    usage.prepare()
    first, second = usage.bodies(200, batch=100)
    usage.send(first)
    with own_servers() as servers:
        servers.start_valkey()
        environment, log = {"REDIS_URL": servers.redis_url}, tmp_path / "worker.log"
        # Of its two processes one waits for a lock, so it asks the broker for more.
        with worker(tmp_path, environment=environment) as celery:
            with psycopg.connect(**connection.get_connection_params()) as other:
                other.execute("LOCK TABLE billing_dailyusage IN EXCLUSIVE MODE")
                task = "billing.metering.tasks.advance_partition"
                call(task, environment, partition=feed.partitions()[0])
                until(lambda: other.execute(WAITING).fetchone() is not None)
                servers.kill_valkey()
                until(lambda: "Connection to broker lost" in log.read_text())
            until(lambda: "succeeded" in log.read_text())
            servers.start_valkey()
            usage.send(second)
            with beat(tmp_path, environment=environment):
                until(usage.is_up_to_date)
            assert celery.process.poll() is None
    usage.assert_exact(200)
