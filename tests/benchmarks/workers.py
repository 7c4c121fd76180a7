"""The processes that a benchmark times: each waits at a line of its standard input, the barrier.

A command is a line of JSON, such as ``{"do": "single", "seconds": 0.3}``; the answer is a line with
``done`` and ``seconds``, measured by the worker itself, or with ``error``. Peers in other languages
speak the same. Nothing here needs Django, nor what a peer's environment lacks.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

LIMIT = 900  # seconds until a worker is taken for dead

Reply = dict[str, Any]
Command = Callable[..., Reply]


class WorkerFailed(Exception):
    """A worker answered with an error, or ended."""


class Team:
    """Workers of one side, in as many processes."""

    def __init__(self, argv: Sequence[str], *, url: str, size: int = 1) -> None:
        environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        self.argv = argv
        self.processes = [
            subprocess.Popen(
                argv,
                text=True,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(size)
        ]
        self.ask("hello")  # only who has started and connected is at the barrier

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        for process in self.processes:
            if failure:
                process.kill()  # it may never answer
            process.communicate()  # closes its input, at which it ends

    def ask(self, do: str, **arguments: Any) -> list[Reply]:
        """Let all do the same at once, each told its number, and return their answers."""
        for number, process in enumerate(self.processes):
            line = json.dumps({"do": do, "writer": number, **arguments})
            assert process.stdin is not None
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        replies = [_answer(process) for process in self.processes]  # all, to stay in step
        for reply in replies:
            if "error" in reply:
                raise WorkerFailed(f"{' '.join(self.argv)}: {reply['error']}")
        return replies

    def speed(self, do: str, **arguments: Any) -> float:
        """Return what all together did in a second."""
        replies = self.ask(do, **arguments)
        return float(sum(r["done"] for r in replies) / max(r["seconds"] for r in replies))


def _answer(process: "subprocess.Popen[str]") -> Reply:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], LIMIT)
    line = process.stdout.readline() if ready else ""
    reply: Reply = json.loads(line) if line else {"error": "It did not answer."}
    return reply


def serve(commands: Mapping[str, Command]) -> None:
    """Be a worker: do what the lines say until there are no more."""
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            reply = commands[arguments.pop("do")](**arguments)
        except Exception as error:  # noqa: BLE001 told to who asked
            reply = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(f"{json.dumps(reply)}\n")
        sys.stdout.flush()


def counted(work: Callable[[], int]) -> Reply:
    """Time work that returns how much it did."""
    start = time.perf_counter()
    done = work()
    return {"done": done, "seconds": time.perf_counter() - start}


def repeated(work: Callable[[], object], *, seconds: float) -> Reply:
    """Repeat work for a while, so that slow and fast sides take equally long."""
    start = time.perf_counter()
    done = 0
    while time.perf_counter() - start < seconds:
        work()
        done += 1
    return {"done": done, "seconds": time.perf_counter() - start}
