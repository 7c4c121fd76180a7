"""gunicorn as the tests run it: on the test's database, its own blobs, and settings of choice."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Server:
    port: int
    workers_folder: Path  # a file per worker that was ever started, named by its process id
    process: "subprocess.Popen[bytes]"


@contextmanager
def serve(
    *,
    blob_root: Path,
    workers_folder: Path,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """Run two processes with four threads each; ``environment`` is what settings.py reads.

    What they log goes to our standard error, or to a file.
    """
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    workers_folder.mkdir()
    ours = {
        "DATABASE_URL": database.geturl(),
        "BLOB_ROOT": str(blob_root),
        "WORKERS_FOLDER": str(workers_folder),
    }
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "catacloud.wsgi"),
                *("--workers", "2", "--threads", "4", "--bind", f"fd://{listener.fileno()}"),
                *("--log-level", "warning", "--graceful-timeout", "3"),
                *("--keep-alive", "60", "--config", "python:tests.gunicorn_hooks"),
            ],
            cwd=BASE_DIR,
            env={**os.environ, **ours, **(environment or {})},
            pass_fds=[listener.fileno()],
            stderr=stack.enter_context(log.open("ab")) if log else None,
        )
        port = listener.getsockname()[1]
    try:
        _wait_until_it_answers(port, process)
        yield Server(port, workers_folder, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as http:
                http.request("GET", "/api/v1/openapi.json")
                http.getresponse().read()
            return
        except ConnectionError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"gunicorn does not answer; its exit status is {process.returncode}.")
