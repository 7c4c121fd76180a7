"""A real Celery worker, killed in the middle of an import."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Thread
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from billing.account import BillingAccount, account_id
from billing.metering.models import DailyUsage
from billing.metering.saga import CONSUMER
from catacloud.accounts.models import Organisation
from eventstore import feed, repository

ROWS, GROUPS = 4000, 40
START = datetime(2024, 11, 15, tzinfo=UTC)


@pytest.fixture
def trace(tmp_path):
    """A file of requests, in the format of a real trace, and what every group and day comes to."""
    dice, expected = random.Random(1), defaultdict(Decimal)
    file = tmp_path / "requests.csv"
    with file.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["gmt_create", "exec_time_seconds", "groupId"])
        for _ in range(ROWS):
            group, seconds = f"G{dice.randrange(GROUPS)}", Decimal(dice.randrange(10**6)) / 1000
            at = START + timedelta(seconds=dice.randrange(10 * 86_400))
            rows.writerow([f"{at:%Y-%m-%d %H:%M:%S}", seconds, group])
            expected[group, at.date()] += seconds
    return file, expected


@contextmanager
def worker(folder):
    """Run a worker with its beat on the test's database; it is killed, not stopped, at the end."""
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    with (folder / "worker.log").open("a") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "catacloud.celery", "worker", "--beat"),
                *("--concurrency", "2", "--schedule", str(folder / "schedule")),
            ],
            env=os.environ | {"DATABASE_URL": database.geturl()},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)


def run_import(file):
    try:
        call_command("import_usage", str(file), format="gentd26")
    finally:
        connection.close()


def handled():
    return sum(DailyUsage.objects.values_list("event_count", flat=True))


@pytest.mark.django_db(transaction=True)
def test_killing_the_worker_in_the_middle_of_an_import_changes_no_figure(trace, tmp_path):
    file, expected = trace
    importing = Thread(target=run_import, args=[file])
    with worker(tmp_path):
        importing.start()
        wait_until(lambda: handled() > 0)
    assert 0 < handled() < ROWS
    with worker(tmp_path):
        importing.join()
        wait_until(lambda: feed.lag(consumer=CONSUMER).events == 0)

    found = {
        (row.organisation.name, row.day): row.quantity
        for row in DailyUsage.objects.select_related("organisation")
    }
    assert found == expected
    assert handled() == ROWS
    for organisation in Organisation.objects.all():
        account = repository.load(
            BillingAccount, tenant_id=organisation.id, stream_id=account_id(organisation.id)
        ).state
        days = [seconds for (name, _), seconds in expected.items() if name == organisation.name]
        assert account.counted("execution-time", date(2024, 11, 15)) == sum(days)
