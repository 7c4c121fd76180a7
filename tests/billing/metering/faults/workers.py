"""Celery's worker and beat as real processes, which can be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.catacloud.processes import listed
from tests.conftest import BASE_DIR
from tests.eventstore.servers import elsewhere
from tests.forked import Forked
from tests.webserver import Process

LAST = 4000  # characters of a log that are shown when a test fails
# Django's checks at the start load all pages, a quarter of its costs; the demo's workers have them.
UNCHECKED = {"CELERY_SKIP_CHECKS": "1"}
TWICE = "tests.billing.metering.faults.twice"  # sends every message twice


class Celery:
    """A worker or a beat, in a process group of its own."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        host: Sequence[str] = (),
    ) -> None:
        everything = {**elsewhere(), **UNCHECKED, **environment}
        self.process: Process
        with log.open("ab") as out:
            if host:
                self.process = subprocess.Popen(
                    [*host, sys.executable, *argv],
                    cwd=BASE_DIR,
                    env=everything,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            else:
                self.process = Forked(*argv, environment=everything, log=out, session=True)

    def children(self) -> list[int]:
        """Return the processes that do a worker's tasks."""
        return [one.pid for one in listed() if one.parent == self.process.pid]

    def kill_child(self) -> bool:
        """Kill one of the processes that do the tasks; its worker goes on without it."""
        for pid in self.children()[:1]:
            with suppress(ProcessLookupError):  # it was killed before, and is only now gone
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def kill(self) -> None:
        """Kill all of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def worker(
    folder: Path,
    *,
    name: str = "worker",
    app: str = "catacloud.celery",
    concurrency: int = 2,
    environment: Mapping[str, str] | None = None,
    host: Sequence[str] = (),
    more: Sequence[str] = (),
) -> Iterator[Celery]:
    """Run a worker, there where ``host`` runs commands; it is killed, not stopped, at the end."""
    celery = ["-m", "celery", "-A", app, "worker", "-n", f"{name}@%h"]
    argv = [*celery, "--concurrency", str(concurrency), "--loglevel", "INFO", *more]
    with _running(argv, environment or {}, folder / f"{name}.log", host) as running:
        yield running


@contextmanager
def beat(
    folder: Path,
    *,
    app: str = "catacloud.celery",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Celery]:
    schedule = ["--schedule", str(folder / "schedule"), "--pidfile="]
    argv = ["-m", "celery", "-A", app, "beat", *schedule]
    with _running(argv, environment or {}, folder / "beat.log") as running:
        yield running


@contextmanager
def _running(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, host: Sequence[str] = ()
) -> Iterator[Celery]:
    running = Celery(argv, environment, log, host)
    try:
        yield running
    except BaseException:
        sys.stderr.write(f"{log.name} ends with:\n{log.read_text()[-LAST:]}\n")
        raise
    finally:
        running.kill()
