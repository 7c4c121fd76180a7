"""Behind PgBouncer, which lends out a session for a transaction only, all is as without it."""

import os
import shutil
import socket
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings

from tests.conftest import BASE_DIR
from tests.eventstore.servers import until

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="NOT TESTED: pgbouncer is not installed."
)

CONFIGURATION = """
[databases]
* = {place}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
server_idle_timeout = 1
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def pooled(tmp_path):
    """Start PgBouncer before the tests' server, and return the URL at which it answers."""
    behind, port = urlsplit(settings.DATABASE_URL), free_port()
    host, _, port_behind = behind.netloc.rpartition("@")[2].partition(":")
    place = {
        "host": unquote(host),
        "port": port_behind or "5432",
        "user": unquote(behind.username or ""),
        "password": unquote(behind.password or ""),
    }
    text = " ".join(f"{name}='{value}'" for name, value in place.items() if value)
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(place=text, port=port))
    argv = ["pgbouncer", "--quiet", str(configuration)]
    if os.getuid() == 0:  # it refuses to run as root
        argv[1:1] = ["--user", "nobody"]
        for folder in (configuration, *configuration.parents[:3]):
            folder.chmod(0o755)
    with subprocess.Popen(argv) as process:
        until(lambda: answers(port))
        yield f"postgres://{behind.username}@127.0.0.1:{port}/{behind.path.strip('/')}_pooled"
        process.terminate()


def test_the_store_gives_the_same_guarantees(pooled):
    files = ["test_reading", "test_command", "test_repeated_append"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-W"),
            "ignore:Error when trying to teardown",  # the pooler keeps sessions for a second
            *(
                "-k",
                "not cursor and not Interrupted and not memory",
            ),  # which want a session for themselves
            *(f"tests/eventstore/conformance/{name}.py" for name in files),
        ],
        cwd=BASE_DIR,
        env=os.environ | {"DATABASE_URL": pooled, "DATABASE_PREPARED_STATEMENTS": "false"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
