"""The workers of the soak: two of them and a beat; who is killed is replaced."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.billing.metering.faults.workers import TWICE, Celery, beat, worker

WORKERS = 2
LOOK_EVERY = 2.0  # seconds
WHOLE = 0.2  # of the kills: of a worker as a whole, not of one process that does its tasks


class Crew:
    """To be entered as a context; all of them are killed at its end."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.killed, self.memory = 0, 0.0  # MB: the most that one process ever had
        self._next_look = 0.0
        self._workers: list[Celery] = []
        self._stack = ExitStack()

    def __enter__(self) -> "Crew":
        self._stack.enter_context(beat(self.folder, app=TWICE, environment=self.environment))
        self._workers = [self._start(number) for number in range(WORKERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kill_one(self, random: Random) -> None:
        """Kill a worker, or one of its processes; where it has none yet, all of it."""
        number = random.randrange(WORKERS)
        victim = self._workers[number]
        if random.random() < WHOLE or not victim.kill_child():
            victim.kill()
            self._workers[number] = self._start(number)
        self.killed += 1

    def look(self) -> None:
        """Keep the most memory that a process of theirs has had; now and then, for it is slow."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        for one in self._workers:
            for pid in one.children():
                self.memory = max(self.memory, _peak(pid))

    def _start(self, number: int) -> Celery:
        started = worker(
            self.folder, name=f"worker{number}", app=TWICE, environment=self.environment
        )
        return self._stack.enter_context(started)


def _peak(pid: int) -> float:
    """Return the most that a process had in memory, in MB; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    sizes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(sizes[0]) / 1000 if sizes else 0
