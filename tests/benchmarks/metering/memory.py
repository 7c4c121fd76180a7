"""The memory of a real worker while it folds, and of the command that archives."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from billing.metering.folding.saga import CONSUMER
from eventstore import feed
from tests.benchmarks.harness import Measure, Options, at_most
from tests.benchmarks.metering.growth import count_as_folded
from tests.benchmarks.metering.place import Place, place
from tests.benchmarks.usage import fill
from tests.benchmarks.workers import ROOT

EVENTS = 500_000
ARCHIVED = (50_000, 400_000)  # events of one organisation: what takes more for more would show
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ARCHIVE = (sys.executable, "manage.py", "archive_usage", "--after-days", "0", "--drop")
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


def archiving(name: str, options: Options) -> Iterator[Measure]:
    """Write files, read them back, and drop the payloads: all of it by the command."""
    few, many = (_archive(int(events * options.scale)) for events in ARCHIVED)
    yield Measure(f"{name}, peak", "MB", many / MB, bars=[at_most(200, "MB")])
    yield Measure(f"{name}, of 8 × the events", "MB", (many - few) / MB, bars=[at_most(20, "MB")])


def _archive(events: int) -> int:
    """Return the most kB that the command ever had."""
    with place("archiving") as here:
        fill.usage(
            here.url,
            tenants=here.tenants[:1],
            partitions=settings.EVENTSTORE_PARTITIONS,
            events=events,
            start=LONG_AGO,
        )
        count_as_folded(here)
        return _peak_of(here)


def _peak_of(here: Place) -> int:
    """Return the most kB of the command, looked at while it runs.

    The system's own figure of a child that has ended begins with ours, of which it was forked.
    """
    environment = {**here.environment, "ARCHIVE_ROOT": str(here.folder / "archives")}
    peak = 0
    with subprocess.Popen(ARCHIVE, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            with suppress(OSError, IndexError):  # it has ended since
                peak = max(peak, _peak(process.pid))
            time.sleep(0.02)
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode or b" 0 " in said:
        raise RuntimeError(f"Not all was archived and dropped: {said!r}")
    return peak


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
