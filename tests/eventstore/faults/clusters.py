"""A PostgreSQL of a test's own, which may be stopped as a crash would."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from catacloud.embedded import EmbeddedError, running
from catacloud.embedded.binaries import find_postgres
from catacloud.embedded.places import open_home
from tests import migrated
from tests.eventstore.servers import on


class Cluster:
    """Servers in a state directory. Their address stays the same over a stop and a start."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.database_url = ""
        self._stack = ExitStack()

    def start(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DATABASE_URL")  # else that one would be used
            servers = self._stack.enter_context(running(self.state, durable=True))
        self.database_url = migrated.url(servers.database_url)

    def stop(self) -> None:
        connection.close()  # the test's own, which the server would wait for
        self._stack.close()

    def stop_immediately(self) -> None:
        """Stop without a word to anybody: no checkpoint is written, every session is cut off."""
        home = open_home(self.state)
        pg_ctl = find_postgres(home).bin / "pg_ctl"
        data = home.base / "postgres"
        done = home.account.run([pg_ctl, "stop", "-m", "immediate", "-D", data])
        assert done.returncode == 0, done.stderr
        self.stop()


@contextmanager
def own_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Let Django work on a durable cluster, whose database has all tables and no events."""
    with tempfile.TemporaryDirectory(prefix="catacloud-fault-") as name:
        Path(name).chmod(0o711)  # `nobody`, as whom root's servers run, may pass
        cluster = Cluster(Path(name))
        try:
            migrated.put_into(cluster.state)
            cluster.start()
        except EmbeddedError as reason:
            pytest.skip(f"NOT TESTED: a server that crashes. {reason}")
        try:
            with on(cluster.database_url, monkeypatch):
                yield cluster
        finally:
            cluster.stop()
