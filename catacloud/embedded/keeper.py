"""The keeper: one detached process per state that owns the servers.

Every user of the servers holds a shared lock on `users.lock`. When the keeper can take that lock
exclusively, nobody uses them any more, whether users left or were killed: it stops them and ends.
Whoever comes in between waits for the lock, hence for the end of the keeper, and starts another.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import EmbeddedError
from .locks import open_lock, try_lock
from .places import Home, open_home
from .servers import (
    Server,
    remove_data,
    start_postgres,
    start_valkey,
    wait_for_postgres,
    wait_for_valkey,
)

LOOK_EVERY = 0.05  # seconds between two looks at the lock and the servers
USERS_LOCK, START_LOCK, KEEPER_LOCK = "users.lock", "start.lock", "keeper.lock"
RUNNING_FILE = "running.json"  # what runs, for those who join; removed before the servers stop


@dataclass(frozen=True, slots=True)
class Order:
    """What a keeper is to run."""

    state: Path
    postgres: bool
    valkey: bool
    durable: bool
    temporary: bool


@dataclass(frozen=True, slots=True)
class Running:
    """What a keeper runs, as it tells it to users; a URL is empty for a server it does not run."""

    database_url: str
    redis_url: str
    durable: bool
    temporary: bool

    @classmethod
    def read(cls, state: Path) -> "Running | None":
        """What runs in a state whose keeper lives, or None if it is stopping."""
        try:
            return cls(**json.loads((state / RUNNING_FILE).read_text()))
        except FileNotFoundError:
            return None


class _Ended(Exception):
    """A signal asked the keeper to end."""


def keep(order: Order) -> int:
    """Start the servers, report on stdout, wait for the last user, stop them.

    The report is one JSON object: the fields of Running, or {"error": sentence}.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_ended)
    alive = open_lock(order.state / KEEPER_LOCK)
    users = open_lock(order.state / USERS_LOCK)
    try:
        if not try_lock(alive):
            raise EmbeddedError(f"Another keeper runs in {order.state}.")
        home = open_home(order.state)
        with _servers(order, home) as servers:
            _report(asdict(_announce(order, servers)))
            return _watch(servers, users)
    except EmbeddedError as exc:
        _report({"error": str(exc)})
        return 1
    except _Ended:
        return 0


@contextmanager
def _servers(order: Order, home: Home) -> Iterator[list[Server]]:
    """Start what was ordered; stop it in any case, the broker before the database."""
    servers: list[Server] = []
    try:
        if order.valkey:
            servers.append(start_valkey(home))
        if order.postgres:
            servers.insert(0, start_postgres(home, durable=order.durable))
            wait_for_postgres(servers[0], home)
        if order.valkey:
            wait_for_valkey(servers[-1], home)
        yield servers
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the end is under way already
        (order.state / RUNNING_FILE).unlink(missing_ok=True)
        for server in reversed(servers):
            server.stop()
        if order.temporary:
            remove_data(home)


def _announce(order: Order, servers: list[Server]) -> Running:
    urls = {server.kind.name: server.url for server in servers}
    running = Running(
        database_url=urls.get("postgres", ""),
        redis_url=urls.get("valkey", ""),
        durable=order.durable,
        temporary=order.temporary,
    )
    _write_whole(order.state / RUNNING_FILE, json.dumps(asdict(running)))
    return running


def _write_whole(path: Path, text: str) -> None:
    """Who started us may have been killed, and the next user read while we write."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(text)
    unfinished.replace(path)


def _watch(servers: list[Server], users: int) -> int:
    """Return 0 when nobody uses the servers any more, 1 when one of them ended by itself."""
    while not try_lock(users):
        for server in servers:
            if (code := server.process.poll()) is not None:
                sys.stderr.write(f"{server.kind.name} ended by itself with {code}: stopping.\n")
                return 1
        time.sleep(LOOK_EVERY)
    return 0


def _report(message: dict[str, object]) -> None:
    """Answer the process that started us, and let go of its pipe."""
    with suppress(BrokenPipeError):  # it was killed meanwhile: the lock will tell
        os.write(sys.stdout.fileno(), json.dumps(message).encode())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _raise_ended(number: int, frame: object) -> None:
    raise _Ended
