"""Runs several long-lived programs as one: all of them run, or none does.

Each program has a process group of its own, and a small watchdog process knows the groups. It holds
the read end of a pipe: when the supervisor dies, even by SIGKILL, the kernel closes the other end,
and the watchdog kills the groups. This works alike on Linux and macOS.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

STOP_LIMIT = 10.0  # seconds that a program has for a polite end
LOOK_EVERY = 0.1  # seconds between two looks at the programs
LAST_LINES = 15
# The program itself starts only when the watchdog knows its group; until then, the end of our pipe
# ends it.
_WAIT_FOR_GO = 'read -r go && exec "$@" </dev/null'


@dataclass(frozen=True, slots=True)
class Process:
    """A program to run; `name` is also that of its log, `environ` is added to our environment."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def signal_group(self, number: signal.Signals) -> None:
        _signal_group(self.process.pid, number)


def run(
    processes: Sequence[Process],
    *,
    log_dir: Path,
    ready: Callable[[], None] | None = None,
    stop_limit: float = STOP_LIMIT,
) -> int:
    """Run the processes until SIGINT, SIGTERM or SIGHUP (returns 0) or until one ends (returns 1).

    Output goes to `<log_dir>/<name>.log`, made anew. `ready` is called in a thread once all have
    been started, and may block until they answer; if it raises, its message is printed and all
    stops. Signals that were sent meanwhile end the run as well. To be called in the main thread.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    asked = threading.Event()
    before = {n: signal.signal(n, lambda *_: asked.set()) for n in _ENDING}
    children: list[_Child] = []
    watchdog = _start_watchdog()
    try:
        for process in processes:
            children.append(_start(process, log_dir, watchdog))
        problem = _watch([*children, watchdog], asked, _in_thread(ready))
    finally:
        for child in reversed(children):
            _stop(child, stop_limit)
        _dismiss(watchdog)
        for number, handler in before.items():
            signal.signal(number, handler)
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_until_answers(address: str, timeout: float) -> None:
    """Wait until `http://…` gives any answer below 500, or a unix socket at that path accepts.

    Raises TimeoutError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not _answers(address):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{address} does not answer after {timeout:.0f} s.")
        time.sleep(LOOK_EVERY)


def _answers(address: str) -> bool:
    try:
        if not address.startswith("http://"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
            return True
        url = urlsplit(address)
        connection = http.client.HTTPConnection(url.netloc, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", url.path or "/")
            return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):  # not listening yet, or not speaking yet
        return False


def _start(process: Process, log_dir: Path, watchdog: _Child) -> _Child:
    path = log_dir / f"{process.name}.log"
    with open(path, "wb") as log:
        started = subprocess.Popen(  # noqa: S603 - arguments are ours
            ["/bin/sh", "-c", _WAIT_FOR_GO, "sh", *process.argv],
            env=os.environ | dict(process.environ),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    _write(watchdog, f"{started.pid}\n")
    child = _Child(process.name, started, path)
    _write(child, "go\n")
    if started.stdin is not None:
        started.stdin.close()
    return child


def _watch(
    children: Sequence[_Child], asked: threading.Event, ready: Sequence[Exception]
) -> str | None:
    """Wait for the end: None if it was asked for, else what went wrong, for people."""
    while not asked.wait(LOOK_EVERY):
        if ready:
            return str(ready[0])
        for child in children:
            if (code := child.process.poll()) is not None and not asked.is_set():
                return _obituary(child, code)
    return None


def _in_thread(ready: Callable[[], None] | None) -> Sequence[Exception]:
    """Call `ready` beside us; what it raises appears in the returned list."""
    raised: list[Exception] = []

    def call() -> None:
        if ready is not None:
            try:
                ready()
            except Exception as exc:  # noqa: BLE001 - whatever it is, run() ends with its message
                raised.append(exc)

    threading.Thread(target=call, daemon=True).start()
    return raised


def _obituary(child: _Child, code: int) -> str:
    how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
    lines = child.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "\n    ".join([f"{child.name} ended {how}; the end of {child.log}:", *lines])


def _stop(child: _Child, limit: float) -> None:
    """Ask the program, then kill what is left of its group.

    Only the leader is asked: gunicorn and Celery tell their own children, and a signal to those
    would cut off the work that they are about to finish.
    """
    if child.process.poll() is None:
        child.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(limit)
    child.signal_group(signal.SIGKILL)
    child.process.wait()


def _start_watchdog() -> _Child:
    process = subprocess.Popen(  # noqa: S603 - arguments are ours
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # so that no Ctrl-C reaches it
    )
    return _Child("watchdog", process, Path(os.devnull))


def _dismiss(watchdog: _Child) -> None:
    _write(watchdog, "done\n")
    if watchdog.process.stdin is not None:
        watchdog.process.stdin.close()
    watchdog.process.wait()


def _write(child: _Child, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has ended: _watch is about to say so
        os.write(_stdin(child), line.encode())


def _stdin(child: _Child) -> int:
    if child.process.stdin is None:
        raise RuntimeError(f"{child.name} was started without a pipe")
    return child.process.stdin.fileno()


def _signal_group(group: int, number: signal.Signals) -> None:
    # Gone, or (macOS) nothing but a zombie: there is nobody left to signal.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _guard(lines: Iterable[str]) -> None:
    """The watchdog: note groups until "done"; if that never comes, we were killed: kill them."""
    groups: list[int] = []
    for line in lines:
        if line.strip() == "done":
            return
        groups.append(int(line))
    for group in reversed(groups):
        _signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    _guard(sys.stdin)
