"""Runs PostgreSQL and Valkey for as long as somebody uses them; no Docker, no root, no TCP.

    with running(Path(".local")) as servers:
        subprocess.run(command, env=os.environ | environment(servers))

    python -m catacloud.embedded exec -- COMMAND …

DATABASE_URL and REDIS_URL win where they are set: only what is missing is started. Users of one
state directory share one pair of servers, which a detached keeper (keeper.py) stops after the last.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import EmbeddedError
from .keeper import KEEPER_LOCK, START_LOCK, USERS_LOCK, Order, Running
from .locks import lock, open_lock, try_lock, unlock

__all__ = ["EmbeddedError", "Servers", "environment", "running"]

_ROOT = Path(__file__).resolve().parents[2]
_LEAVE_LIMIT = 60.0  # seconds; more than the keeper takes for its last signal


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers answer.

    `database_url` is for dj-database-url and libpq: `postgres://postgres@%2Fpath%2Frun/catacloud`.
    `redis_url` is for redis-py and Django's cache: `unix:///path/valkey.sock`, to which `?db=1` may
    be added; `catacloud.celery_urls` turns it into what Celery reads.
    """

    database_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class _Start:
    """A keeper that this process started, to be reaped by it, or one that it found (pid None)."""

    running: Running
    pid: int | None = None


def environment(servers: Servers) -> dict[str, str]:
    """The variables by which a child process finds the servers."""
    return {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}


@contextmanager
def running(state: Path, *, durable: bool = True, temporary: bool = False) -> Iterator[Servers]:
    """Use the servers of a state directory, starting those that nobody runs yet.

    `durable=False` risks the data at a crash of the machine, for speed; `temporary=True` removes
    the data after the last user. Raises EmbeddedError.
    """
    given = Servers(os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""))
    if given.database_url and given.redis_url:
        yield given
        return
    order = Order(
        state=state.resolve(),
        postgres=not given.database_url,
        valkey=not given.redis_url,
        durable=durable,
        temporary=temporary,
    )
    with _joined(order) as found:
        yield Servers(
            database_url=given.database_url or found.database_url,
            redis_url=given.redis_url or found.redis_url,
        )


@contextmanager
def _joined(order: Order) -> Iterator[Running]:
    """Be one of the users while the block runs; the last one waits until all has stopped."""
    try:
        (order.state / "log").mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise EmbeddedError(f"Cannot use {order.state}: {exc.strerror}.") from exc
    users = open_lock(order.state / USERS_LOCK)
    start: _Start | None = None
    try:
        starting = open_lock(order.state / START_LOCK)
        try:
            lock(starting)  # one at a time
            lock(users, shared=True)  # waits for a keeper that is just stopping
            start = _find_or_start(order)
        finally:
            os.close(starting)
        yield start.running
    finally:
        try:
            gone = _leave(order.state, users)
        finally:
            os.close(users)
        if start is not None and start.pid is not None:
            _reap(start.pid, wait=gone)


def _find_or_start(order: Order) -> _Start:
    alive = open_lock(order.state / KEEPER_LOCK)
    try:
        while not try_lock(alive):
            # We hold the start lock, so this keeper has started; no file means that it is stopping.
            if found := Running.read(order.state):
                _check_fit(order, found)
                return _Start(found)
            time.sleep(0.02)
    finally:
        os.close(alive)
    return _start_keeper(order)


def _check_fit(order: Order, found: Running) -> None:
    """Raise EmbeddedError if the servers that run are not those that are wanted."""
    lacking = (order.postgres and not found.database_url) or (order.valkey and not found.redis_url)
    other = (order.durable, order.temporary) != (found.durable, found.temporary)
    if lacking or other:
        raise EmbeddedError(
            f"Servers with other settings run in {order.state}: wait for the command that uses "
            "them, or use another --state."
        )


def _start_keeper(order: Order) -> _Start:
    """Start a keeper outside our session, where no Ctrl-C reaches it, and wait for its report."""
    report, answer = os.pipe()
    flags = [f"--{name}" for name, value in asdict(order).items() if value is True]
    argv = [sys.executable, "-m", __name__, "keep", "--state", str(order.state), *flags]
    log = str(order.state / "log" / "keeper.log")
    import_path = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with open(report) as lines:
        # Not subprocess, which complains about a child that may outlive us.
        pid = os.posix_spawn(
            sys.executable,
            argv,
            os.environ | {"PYTHONPATH": os.pathsep.join(import_path), "PYTHONSAFEPATH": "1"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, answer, 1),
                (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            ],
            setsid=True,
        )
        os.close(answer)
        message = lines.read()
    try:
        return _Start(_understand(message, log), pid)
    except EmbeddedError:
        _reap(pid, wait=True)
        raise


def _understand(message: str, log: str) -> Running:
    """Read the keeper's report. Raises EmbeddedError with its sentence if it could not start."""
    if not message:
        raise EmbeddedError(f"The keeper of the servers ended without a word: see {log}.")
    answer = json.loads(message)
    if "error" in answer:
        raise EmbeddedError(answer["error"])
    return Running(**answer)


def _leave(state: Path, users: int) -> bool:
    """Stop using the servers; True if this was the last user, and then the keeper has gone."""
    unlock(users)
    alive = open_lock(state / KEEPER_LOCK)
    try:
        deadline = time.monotonic() + _LEAVE_LIMIT
        while not try_lock(alive, shared=True):
            if _others_use(users):
                return False
            if time.monotonic() > deadline:
                raise EmbeddedError(f"The servers in {state} do not stop: see {state / 'log'}.")
            time.sleep(0.01)
        return True
    finally:
        os.close(alive)


def _others_use(users: int) -> bool:
    """Whether a user holds the lock; the keeper, when it stops, holds it exclusively."""
    taken = not try_lock(users) and try_lock(users, shared=True)
    unlock(users)
    return taken


def _reap(pid: int, *, wait: bool) -> None:
    with suppress(ChildProcessError):  # the program that uses us reaps all its children itself
        os.waitpid(pid, 0 if wait else os.WNOHANG)
