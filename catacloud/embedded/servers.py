"""Starts and stops one PostgreSQL and one Valkey as children of the keeper."""

import contextlib
import ctypes
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .binaries import Postgres, find_postgres, find_valkey
from .errors import EmbeddedError
from .locks import open_lock, try_lock
from .places import POSTGRES_SOCKET, VALKEY_SOCKET, Home, private_directory

START_LIMIT = 120.0  # seconds; PostgreSQL may have a crash to recover from
STOP_LIMIT = 10.0  # seconds for each signal, the polite one and the next
POLL = 0.01  # seconds
DATABASE = "catacloud"
_PR_SET_PDEATHSIG = 1
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between the two servers: their name, and how to ask them to end."""

    name: str
    stop_signals: tuple[signal.Signals, ...]


POSTGRES = Kind("postgres", (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
VALKEY = Kind("valkey", (signal.SIGTERM, signal.SIGKILL))


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the URL at which it answers."""

    kind: Kind
    process: "subprocess.Popen[bytes]"
    url: str

    def stop(self) -> None:
        """Ask, then insist: the next signal follows after STOP_LIMIT seconds."""
        for number in self.kind.stop_signals:
            if self.process.poll() is None:
                self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_LIMIT)
                return


def start_postgres(home: Home, *, durable: bool) -> Server:
    """Start PostgreSQL, making its data and the database first if need be.

    The server may not answer yet: see `wait_for_postgres`. Raises EmbeddedError.
    """
    postgres = find_postgres(home)
    data = home.base / "postgres"
    lock = _take_over(POSTGRES, home)
    if not data.exists():
        _create_data(postgres, home, data, durable=durable)
    _check_version(postgres, data)
    # The lock proves that nobody runs on this data, so what is left here is from a crash.
    (data / "postmaster.pid").unlink(missing_ok=True)
    settings = _SETTINGS | ({"shared_buffers": f"{_shared_buffers()}MB"} if durable else _FAST)
    for name in (POSTGRES_SOCKET, f"{POSTGRES_SOCKET}.lock"):
        (home.sockets / name).unlink(missing_ok=True)
    argv: list[str | Path] = [postgres.bin / "postgres", "-D", data, "-k", home.sockets]
    argv += [f"--{name}={value}" for name, value in settings.items()]
    process = _spawn(POSTGRES, argv, home, lock)
    return Server(
        POSTGRES, process, f"postgres://postgres@{quote(str(home.sockets), safe='')}/{DATABASE}"
    )


def _shared_buffers() -> int:
    """Return how many MB of pages PostgreSQL keeps by itself: a sixteenth of the memory.

    Its manual says a quarter, of a machine that it has alone; this one has other work as well.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(max(memory // 16 // 2**20, 128), 1024)


def start_valkey(home: Home) -> Server:
    """Start Valkey, which keeps nothing on disk. Raises EmbeddedError."""
    path = home.sockets / VALKEY_SOCKET
    program = find_valkey(home)
    lock = _take_over(VALKEY, home)
    path.unlink(missing_ok=True)
    work = private_directory(home.base / "valkey", home.account)
    argv: list[str | Path] = [program, "--port", "0", "--unixsocket", path]
    argv += ["--unixsocketperm", "700", "--dir", work, "--databases", "64"]
    argv += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    return Server(VALKEY, _spawn(VALKEY, argv, home, lock), f"unix://{path}")


def wait_for_postgres(server: Server, home: Home) -> None:
    """Wait until connections are accepted. Raises EmbeddedError if it ends or takes too long."""
    pid_file = home.base / "postgres" / "postmaster.pid"

    def answers() -> bool:  # the state in the last line is what `pg_ctl --wait` goes by
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return len(lines) >= 8 and lines[7].strip() == "ready"

    _wait(server, home, answers)


def wait_for_valkey(server: Server, home: Home) -> None:
    """Wait until PING is answered. Raises EmbeddedError if it ends or takes too long."""
    path = str(home.sockets / VALKEY_SOCKET)

    def answers() -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(path)
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:  # no socket yet, or not listening yet
                return False

    _wait(server, home, answers)


def remove_data(home: Home) -> None:
    """Remove all that a temporary pair made; locks and logs stay with the owner of the state."""
    for path in (home.base / "postgres", home.base / "valkey", home.sockets):
        shutil.rmtree(path, ignore_errors=True)
    for path in home.base.glob("programs-*"):
        shutil.rmtree(path, ignore_errors=True)
    for outside in {home.base, home.sockets.parent} - {home.state}:
        shutil.rmtree(outside, ignore_errors=True)


def _take_over(kind: Kind, home: Home) -> int:
    """Lock the server's place and return the lock, which the server will inherit.

    If it is taken, a server lives on whose keeper was killed: it is stopped first.
    """
    lock = open_lock(home.base / f"{kind.name}.lock")
    if try_lock(lock):
        return lock
    pid = int((home.base / f"{kind.name}.pid").read_text())
    for number in kind.stop_signals:
        with contextlib.suppress(ProcessLookupError):  # its children may outlive it for a moment
            os.kill(pid, number)
        if _poll(lambda: try_lock(lock), STOP_LIMIT):
            return lock
    raise EmbeddedError(f"A {kind.name} of an earlier run does not stop: end process {pid}.")


def _create_data(postgres: Postgres, home: Home, data: Path, *, durable: bool) -> None:
    """Run initdb under another name, so that `data` exists complete or not at all."""
    partial = home.base / "postgres.partial"
    shutil.rmtree(partial, ignore_errors=True)
    private_directory(partial, home.account)
    argv: list[str | Path] = [postgres.bin / "initdb", "-D", partial, "--no-locale"]
    argv += ["--username=postgres", "--auth=trust", "--encoding=UTF8"]
    if not durable:
        argv += ["--no-sync"]
    if postgres.major >= 17:  # the version that brought collations of its own
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run_setup(home, argv)
    single: list[str | Path] = [postgres.bin / "postgres", "--single", "-D", partial, "template1"]
    _run_setup(home, single, stdin=f"CREATE DATABASE {DATABASE}\n")
    partial.rename(data)


def _run_setup(home: Home, argv: Sequence[str | Path], *, stdin: str = "") -> None:
    done = home.account.run(argv, stdin=stdin)
    if done.returncode != 0 or "ERROR:" in done.stderr:  # --single ends with 0 all the same
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EmbeddedError(f"{Path(argv[0]).name} failed in {home.base}: {reason}")


def _check_version(postgres: Postgres, data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by != str(postgres.major):
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {made_by} and this is {postgres.major}: "
            "remove it (./dev demo --reset) or install the version that made it."
        )


def _spawn(
    kind: Kind, argv: Sequence[str | Path], home: Home, lock: int
) -> "subprocess.Popen[bytes]":
    """Start a server that holds `lock` as long as any process of it lives."""
    user, group, groups = home.account.popen_arguments()
    pid_file = home.base / f"{kind.name}.pid"
    pid_file.unlink(missing_ok=True)
    with open(home.state / "log" / f"{kind.name}.log", "ab") as log:
        process = subprocess.Popen(  # noqa: S603 - arguments are ours
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=home.sockets.parent,
            user=user,
            group=group,
            extra_groups=groups,
            pass_fds=[lock],
            preexec_fn=_end_with_parent(kind.stop_signals[0]),  # the keeper has one thread
        )
    os.close(lock)
    pid_file.write_text(str(process.pid))
    return process


def _end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What a child runs so that the kernel stops it when the keeper dies, even by SIGKILL.

    Only Linux can. On macOS a server whose keeper was killed lives until the next start, which
    finds its lock taken and stops it.
    """
    if platform.system() != "Linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    keeper = os.getpid()

    def request() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != keeper:  # it died before the request
            os._exit(1)

    return request


def _wait(server: Server, home: Home, answers: Callable[[], bool]) -> None:
    log = home.state / "log" / f"{server.kind.name}.log"
    if _poll(lambda: server.process.poll() is not None or answers(), START_LIMIT):
        if server.process.poll() is None:
            return
        last = (log.read_text(errors="replace").strip().splitlines() or ["nothing was logged"])[-1]
        raise EmbeddedError(f"{server.kind.name} ended at its start, see {log}: {last}")
    raise EmbeddedError(f"{server.kind.name} does not answer after {START_LIMIT:.0f} s, see {log}.")


def _poll(condition: Callable[[], bool], limit: float) -> bool:
    """Whether the condition came true within `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
