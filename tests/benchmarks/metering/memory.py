"""The memory of a real worker while it folds."""

import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from billing.metering.saga import CONSUMER
from eventstore import feed
from tests.benchmarks.harness import Measure, Options, at_most
from tests.benchmarks.metering.place import place
from tests.benchmarks.usage import fill

EVENTS = 500_000
MB = 1000  # kB


def memory(name: str, options: Options) -> Iterator[Measure]:
    """The process of the pool that runs the tasks; and how much it has grown since a quarter."""
    with place("memory") as here:
        fill.usage(
            here.url,
            tenants=here.tenants,
            partitions=settings.EVENTSTORE_PARTITIONS,
            events=int(EVENTS * options.scale),
        )
        with here.worker("--concurrency", "1") as worker, here.beat():
            early = _peak_when(worker.pid, left=int(EVENTS * options.scale * 0.75))
            peak = _peak_when(worker.pid, left=0)
    yield Measure(f"{name}, peak", "MB", peak / MB, bars=[at_most(200, "MB")])
    yield Measure(f"{name}, after a quarter", "MB", (peak - early) / MB, bars=[at_most(10, "MB")])


def _peak_when(pid: int, *, left: int) -> int:
    """Return the most kB that a worker's processes ever had, once so few events are left."""
    while feed.lag(consumer=CONSUMER).events > left:
        time.sleep(0.2)
    return max(_peak(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
