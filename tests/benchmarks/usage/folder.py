"""The worker that runs the saga, and the raw limit beside it: one GROUP BY over the same rows."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "catacloud.settings"
django.setup()

from django.db import connection  # noqa: E402

from billing.metering.folding import saga  # noqa: E402
from catacloud import heap  # noqa: E402
from catacloud.celery import app  # noqa: E402
from eventstore import feed  # noqa: E402
from tests.benchmarks.workers import Reply, counted, serve  # noqa: E402

# In one process, as a worker of ours is one.
ALONE = "SET max_parallel_workers_per_gather = 0"
GROUP_BY = """
SELECT tenant_id, date_trunc('hour', occurred_at, 'UTC'), sum((data #>> '{data,seconds}')::numeric),
    count(*)
FROM eventstore_storedevent WHERE type = 'usage.recorded' GROUP BY 1, 2
"""
WARM = "SELECT count(data) FROM eventstore_storedevent"


def hello(writer: int) -> Reply:
    """Be ready as a worker of Celery is: its tasks are known, and the broker is connected."""
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
    app.finalize()
    _ = app.backend
    with app.connection_for_write() as broker:
        broker.ensure_connection()
    return {}


def warm(writer: int) -> Reply:
    """Read all rows once, so that no side reads them from the disk."""
    with connection.cursor() as cursor:
        cursor.execute(WARM)
    return {}


def fold(writer: int) -> Reply:
    """Fold whatever there is; workers begin at partitions of their own."""

    def work() -> int:
        partitions = list(feed.partitions())
        start = writer * len(partitions) // 2
        done = 0
        for partition in partitions[start:] + partitions[:start]:
            while events := saga.advance(partition=partition):
                done += events
        return done

    return _with_cpu(work)


def group_by(writer: int) -> Reply:
    def work() -> int:
        with connection.cursor() as cursor:
            cursor.execute(GROUP_BY)
            return sum(count for *_, count in cursor.fetchall())

    return _with_cpu(work)


def _with_cpu(work: Callable[[], int]) -> Reply:
    """Time work, and tell how many seconds of CPU it took here and in the database's process."""
    own, server = time.process_time(), _cpu_of_server()
    reply = counted(work)
    return reply | {"own": time.process_time() - own, "server": _cpu_of_server() - server}


def _cpu_of_server() -> float:
    pid = connection.connection.info.backend_pid
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    heap.settle()  # as the project's own processes do
    serve({"hello": hello, "warm": warm, "fold": fold, "group_by": group_by})
