"""What the tests of the launcher and the supervisor know about processes."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def until(condition: Callable[[], object], limit: float = 60.0) -> None:
    """Wait until the condition holds. Raises TimeoutError after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {limit} s")
        time.sleep(0.05)  # what is asked is often all processes of the machine


@dataclass(frozen=True, slots=True)
class Found:
    """A process as the system lists it; zombies are not listed."""

    pid: int
    parent: int
    user: str
    command: str


def listed() -> Iterator[Found]:
    """All processes: from /proc where there is one, since a slim system has no `ps`."""
    if not Path("/proc/self/stat").exists():
        yield from _listed_by_ps()
        return
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
            state, parent = (directory / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            if state != "Z":
                yield Found(int(directory.name), int(parent), directory.owner(), command)


def _listed_by_ps() -> Iterator[Found]:
    argv = ["ps", "-Aww", "-o", "pid=,ppid=,stat=,user=,command="]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    for pid, parent, state, user, command in (line.split(None, 4) for line in lines):
        if state[0] != "Z":
            yield Found(int(pid), int(parent), user, command)


def living(marker: str | Path) -> list[Found]:
    """The processes whose command line contains the marker."""
    return [found for found in listed() if str(marker) in found.command]


def pid_of(marker: str | Path, word: str) -> int:
    """The one process whose command line contains the marker and the word.

    A process that it has just forked, and that has not named itself yet, is not meant.
    """
    named = [found for found in living(marker) if word in found.command]
    (pid,) = {found.pid for found in named if found.parent not in {each.pid for each in named}}
    return pid
