"""Programs in Python as tests start them: forked from a server that has loaded what they load.

A start of the site costs half of what it does anew, and tests make dozens. The processes are as
real: each has settings, environment, files and signals of its own.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.forkserver import NUMBER

BASE_DIR = Path(__file__).resolve().parents[1]


class Forked:
    """What ``subprocess.Popen([sys.executable, *argv], text=True)`` is, as far as tests need it.

    It runs in the project's folder. With ``pipes`` its standard input and output are ours; what it
    says goes to a ``log`` if there is one; ``files`` are handed on by the same numbers.
    """

    def __init__(
        self,
        *argv: str,
        environment: Mapping[str, str],
        pipes: bool = False,
        log: IO[bytes] | None = None,
        files: Sequence[int] = (),
        session: bool = False,
    ) -> None:
        self.returncode: int | None = None
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None
        numbers = {number: number for number in (0, 1, 2, *files)}
        if log:
            numbers |= {1: log.fileno(), 2: log.fileno()}
        with ExitStack() as theirs:
            if pipes:
                (reads, ours), (ours_too, writes) = os.pipe(), os.pipe()
                self.stdin, self.stdout = os.fdopen(ours, "w"), os.fdopen(ours_too)
                numbers |= {0: reads, 1: writes}
                for end in (reads, writes):
                    theirs.callback(os.close, end)
            self._line, line = socket.socketpair()
            theirs.enter_context(line)
            socket.send_fds(_server()[0], [b"1"], [line.fileno(), *numbers.values()])
        order = {"numbers": [*numbers], "environment": {**environment}, "session": session}
        self._line.sendall(json.dumps(order | {"argv": argv}).encode() + b"\n")
        self.pid = self._number()

    def _number(self) -> int:
        said = self._line.recv(NUMBER.size, socket.MSG_WAITALL)
        if not said:
            raise ChildProcessError("Who forks the processes of tests has ended before them.")
        return int(NUMBER.unpack(said)[0])

    def poll(self) -> int | None:
        """Return how it ended, once it has."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended. Raises TimeoutExpired."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                self.returncode = self._number()
            except (TimeoutError, BlockingIOError) as exc:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from exc
            self._line.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in (self.stdin, self.stdout):
            if end:
                with suppress(BrokenPipeError):  # it no longer reads what was written last
                    end.close()
        self.wait()


@cache
def _server() -> "tuple[socket.socket, subprocess.Popen[bytes]]":
    """Start the server, when it is first asked for; it ends with the line to it, when we do."""
    ours, theirs = socket.socketpair()
    with theirs:
        program = [sys.executable, "-m", "tests.forkserver", str(theirs.fileno())]
        return ours, subprocess.Popen(program, cwd=BASE_DIR, pass_fds=[theirs.fileno()])
