"""gunicorn as the tests run it: on the test's database, its own blobs, and settings of choice."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tests.forked import Forked

BASE_DIR = Path(__file__).resolve().parent.parent
Process = Forked | subprocess.Popen[bytes]


@dataclass(frozen=True)
class Server:
    port: int
    workers_folder: Path  # a file per worker that was ever started, named by its process id
    process: Process


@contextmanager
def serve(
    *,
    blob_root: Path,
    workers_folder: Path,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    python: Path | None = None,
) -> Iterator[Server]:
    """Run two processes with four threads each; ``environment`` is what settings.py reads.

    What they log goes to our standard error, or to a file. Another ``python`` loads all anew.
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
        argv = [
            *("-m", "gunicorn", "catacloud.wsgi"),
            *("--workers", "2", "--threads", "4", "--bind", f"fd://{listener.fileno()}"),
            *("--log-level", "warning", "--graceful-timeout", "3"),
            *("--keep-alive", "60", "--config", "python:tests.gunicorn_hooks"),
        ]
        theirs = {**os.environ, **ours, **(environment or {})}
        out = stack.enter_context(log.open("ab")) if log else None
        file = listener.fileno()
        process: Process
        if python:
            process = subprocess.Popen(
                [str(python), *argv], cwd=BASE_DIR, env=theirs, pass_fds=[file], stderr=out
            )
        else:
            process = Forked(*argv, environment=theirs, log=out, files=[file])
        port = listener.getsockname()[1]
    try:
        _wait_until_it_answers(port, process)
        yield Server(port, workers_folder, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


Serving = Callable[..., Server]
"""Takes what settings.py reads as keywords, and returns a server that has it."""


@contextmanager
def started_once(folder: Path) -> Iterator[Serving]:
    """Start a server when it is first asked for; who asks for the same settings shares it.

    The blobs of all of them are in a folder beside those of their workers.
    """
    running: dict[frozenset[tuple[str, str]], Server] = {}
    with ExitStack() as stack:

        def with_settings(**environment: str) -> Server:
            wanted = frozenset(environment.items())
            if wanted not in running:
                server = serve(
                    blob_root=folder / "blobs",
                    workers_folder=folder / f"workers-{len(running)}",
                    environment=environment,
                )
                running[wanted] = stack.enter_context(server)
            return running[wanted]

        yield with_settings


def _wait_until_it_answers(port: int, process: Process) -> None:
    for _ in range(200):
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as http:
                http.request("GET", "/login/")  # of all pages the least work
                http.getresponse().read()
            return
        except ConnectionError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"gunicorn does not answer; its exit status is {process.returncode}.")
