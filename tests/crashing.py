"""A PostgreSQL and a Valkey of one's own, each of which may crash and come back by itself."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from catacloud.embedded.places import open_home
from catacloud.embedded.servers import (
    Server,
    start_postgres,
    start_valkey,
    wait_for_postgres,
    wait_for_valkey,
)


class OwnServers:
    """Servers in a state directory. Their addresses stay the same over a crash and a start.

    To be used in the main thread: the servers end with the thread that started them.
    """

    def __init__(self, state: Path, *, durable: bool) -> None:
        (state / "log").mkdir(parents=True, exist_ok=True)
        self.home, self.durable = open_home(state), durable
        self._running: dict[str, Server] = {}
        self.database_url = self.redis_url = ""

    def start_postgres(self) -> None:
        server = self._running["postgres"] = start_postgres(self.home, durable=self.durable)
        wait_for_postgres(server, self.home)
        self.database_url = server.url

    def start_valkey(self) -> None:
        server = self._running["valkey"] = start_valkey(self.home)
        wait_for_valkey(server, self.home)
        self.redis_url = server.url

    def crash_postgres(self) -> None:
        """Do what ``pg_ctl stop -m immediate`` does: sessions are cut off, nothing is written."""
        self._end("postgres", signal.SIGQUIT)

    def kill_valkey(self) -> None:
        """Nothing of what it held is left: it keeps all in memory."""
        self._end("valkey", signal.SIGKILL)

    def stop_valkey(self) -> None:
        """Let it hang: it is there, and answers nobody."""
        self._running["valkey"].process.send_signal(signal.SIGSTOP)

    def resume_valkey(self) -> None:
        self._running["valkey"].process.send_signal(signal.SIGCONT)

    def flush_valkey(self) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    def clear(self) -> None:
        for server in self._running.values():
            server.process.send_signal(signal.SIGCONT)  # who hangs hears nothing else
            server.stop()

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self._running[name].process
        process.send_signal(number)
        process.wait(30)


@contextmanager
def own_servers(*, durable: bool = False) -> Iterator[OwnServers]:
    """Make a place for servers; none of them runs yet."""
    with tempfile.TemporaryDirectory(prefix="catacloud-crash-") as name:
        Path(name).chmod(0o711)  # `nobody`, as whom root's servers run, may pass
        servers = OwnServers(Path(name), durable=durable)
        try:
            yield servers
        finally:
            servers.clear()
