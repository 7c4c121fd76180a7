"""Real processes on the test's database, which can be killed.

They are forked from one that has Django set up already, so that a test can afford many of them.
"""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import django
from django.apps import apps
from django.db import connection

if not apps.ready:  # in the process that the others are forked from
    django.setup()

PATIENCE = 60  # seconds

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["pytest", __name__, "tests.eventstore.examples"])

Job = Callable[..., object]
"""Gets its end of the line to the test, and the arguments that it was started with."""


class Failed(Exception):
    """A process raised: here is its traceback."""


class Process:
    """A process that does a job, and a line to it."""

    def __init__(self, job: Job, arguments: Sequence[Any]) -> None:
        self.line, its_end = _forks.Pipe()
        self._process = _forks.Process(
            target=_run, args=(its_end, _database(), job, arguments), daemon=True
        )
        self._process.start()
        its_end.close()

    def hear(self) -> Any:
        """Return what it says next. Raises Failed, TimeoutError, and EOFError at its end."""
        if not self.line.poll(PATIENCE):
            raise TimeoutError(f"Process {self._process.pid} says nothing.")
        said = self.line.recv()
        if isinstance(said, Failed):
            raise said
        return said

    def tell(self, what: object = "go on") -> None:
        self.line.send(what)

    def kill(self) -> None:
        """Kill it by SIGKILL. It does nothing more, and `end` waits until it is gone."""
        assert self._process.pid
        os.kill(self._process.pid, signal.SIGKILL)

    def is_killed(self) -> bool:
        return self._process.exitcode == -signal.SIGKILL

    def end(self) -> list[Any]:
        """Wait for its end; return what it said that nobody has heard. Raises Failed."""
        said = []
        try:
            while True:
                said.append(self.hear())
        except (EOFError, ConnectionResetError):
            self._process.join(PATIENCE)
        return said

    def clear(self) -> None:
        if self._process.is_alive():
            self.kill()
        self.line.close()
        self._process.join(PATIENCE)
        self._process.close()


@contextmanager
def working(job: Job, *each: Sequence[Any]) -> Iterator[list[Process]]:
    """Start a process for each tuple of arguments; kill at the end whatever still runs."""
    started: list[Process] = []
    try:
        for arguments in each:
            started.append(Process(job, arguments))
        yield started
    finally:
        for process in started:
            process.clear()


def all_at_once(job: Job, *each: Sequence[Any]) -> None:
    """Run a job in as many processes, which say when they are ready, and start together."""
    with working(job, *each) as started:
        for process in started:
            assert process.hear() == "ready"
        for process in started:
            process.tell("go")
        for process in started:
            process.end()


def ready(line: Connection) -> None:
    """In a process: connect, say so, and wait for the start."""
    connection.ensure_connection()
    line.send("ready")
    line.recv()


def _database() -> dict[str, Any]:
    names = ("NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    return {name: connection.settings_dict[name] for name in names}


def _run(line: Connection, database: dict[str, Any], job: Job, arguments: Sequence[Any]) -> None:
    connection.settings_dict.update(database)
    try:
        job(line, *arguments)
    except BaseException:
        line.send(Failed(traceback.format_exc()))
        raise
    finally:
        connection.close()
        line.close()
