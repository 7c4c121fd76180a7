"""A RabbitMQ of the tests' own, where its server is installed (Debian: rabbitmq-server)."""

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from tests.eventstore.servers import until

# Not the wrapper on the PATH, which wants to be another user.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@contextmanager
def rabbitmq() -> Iterator[str]:
    """Run a server and give its URL; skip, loudly, where there is none."""
    if not SERVER.exists():
        pytest.skip("NOT TESTED with RabbitMQ: apt-get install rabbitmq-server.")
    with tempfile.TemporaryDirectory(prefix="catacloud-rabbit-") as name:
        port = _free_port()
        server = _start(Path(name), port)
        try:
            url = f"amqp://guest:guest@127.0.0.1:{port}//"
            until(lambda: server.poll() is not None or _answers(url), 60)
            yield url
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _start(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        "HOME": str(folder),  # of Erlang's cookie
        "RABBITMQ_NODENAME": f"catacloud-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(_free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }
    return subprocess.Popen(
        [SERVER],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=1) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except (OperationalError, OSError):
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
