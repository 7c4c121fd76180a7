"""All organisations' usage of a year as CSV: what the process that streams it grows by."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

from tests.benchmarks.dashboard.place import HOST, Site
from tests.benchmarks.harness import Measure, Options, at_most
from tests.billing.exports import focus_validator

MB = 1000  # kB
LOOK = 0.1  # seconds between two looks


def measure(name: str, here: Site, options: Options) -> Iterator[Measure]:
    today = datetime.now(UTC).date()
    days = f"from={today - timedelta(days=364)}&to={today}"
    _download(here, "/overview/export/?range=7d&q=none")  # so that all that it needs is loaded
    start, memory = time.perf_counter(), _Memory()
    rows = _download(here, f"/overview/export/?{days}")
    grown = memory.stop()
    yield Measure(f"{name}, rows", "rows/s", rows / (time.perf_counter() - start))
    yield Measure(f"{name}, memory grown by", "MB", grown, bars=[at_most(30, "MB")])


def _download(here: Site, path: str) -> int:
    rows = 0
    with closing(HTTPConnection(HOST, here.port, timeout=600)) as http:
        http.request("GET", path, headers={"Cookie": here.cookie})
        response = http.getresponse()
        while piece := response.read(2**20):
            rows += piece.count(b"\n")
    if response.status != 200:
        raise RuntimeError(f"{path}: {response.status}")
    return rows


def focus(name: str, here: Site, options: Options) -> Iterator[Measure]:
    """How many rules of FOCUS an organisation's costs break; nothing without the validator."""
    if not focus_validator.is_installed():
        return
    today = datetime.now(UTC).date()
    days = f"from={today - timedelta(days=365)}&to={today}"
    path = f"/organisations/{here.organisation.slug}/costs/export/?{days}"
    file = here.place.folder / "focus.csv"
    file.write_bytes(here.get(path, {"Cookie": here.cookie})[1])
    broken = focus_validator.broken_rules(file)
    yield Measure(name, "rules", len(broken), bars=[at_most(0)])


class _Memory:
    """Looks at the server's processes until it is stopped."""

    def __init__(self) -> None:
        self.pids = _workers()
        self.before = {pid: _resident(pid) for pid in self.pids}
        self.most = 0
        self.over = threading.Event()
        self.looking = threading.Thread(target=self._look)
        self.looking.start()

    def stop(self) -> float:
        """Return the MB by which one of them grew the most."""
        self.over.set()
        self.looking.join()
        return self.most / MB

    def _look(self) -> None:
        while not self.over.wait(LOOK):
            grown = [_resident(pid) - self.before[pid] for pid in self.pids]
            self.most = max(self.most, *grown)


def _workers() -> list[int]:
    """Return the processes that gunicorn, our child, has started."""
    ours = [pid for pid in _children(os.getpid()) if b"gunicorn" in _command(pid)]
    return [worker for pid in ours for worker in _children(pid)]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
