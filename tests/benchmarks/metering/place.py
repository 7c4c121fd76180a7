"""Where metering is timed: gunicorn as in production, organisations, a key that may send all."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import Organisation
from catacloud.accounts.organisations import create_missing
from catacloud.embedded import running
from tests.benchmarks import databases
from tests.benchmarks.usage.example import ORGANISATIONS, slug_of
from tests.benchmarks.workers import ROOT

GUNICORN = (sys.executable, "-m", "gunicorn", "catacloud.wsgi")
CELERY = (sys.executable, "-m", "celery", "-A", "catacloud.celery")


@dataclass(frozen=True)
class Place:
    url: str
    key: str
    tenants: list[str]
    environment: Mapping[str, str]
    folder: Path

    @contextmanager
    def web(self) -> Iterator[int]:
        """Serve as production does; yield the port."""
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            options = ["--config", "python:catacloud.gunicorn", "--no-control-socket"]
            bind = ["--bind", f"fd://{listener.fileno()}"]
            port = listener.getsockname()[1]
            with self._process([*GUNICORN, *options, *bind], listener.fileno()):
                _wait_for(port)
                yield port

    def collect_static(self) -> None:
        """Make the files that pages name; what programs ask needs none."""
        command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True)

    @contextmanager
    def worker(self, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
        with self._process([*CELERY, "worker", "--loglevel", "WARNING", *options]) as process:
            yield process

    @contextmanager
    def beat(self) -> Iterator[None]:
        schedule = str(self.folder / "schedule")
        with self._process([*CELERY, "beat", "--schedule", schedule, "--pidfile="]):
            yield

    @contextmanager
    def _process(self, argv: list[str], *fds: int) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                argv, cwd=ROOT, env=self.environment, pass_fds=fds, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def place(name: str, *, database: AbstractContextManager[str] | None = None) -> Iterator[Place]:
    """A database with organisations, fresh where none is given, and a Valkey of its own; Django
    uses them too.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catacloud-bench-")))
        folder.chmod(0o711)  # `nobody`, as whom root's servers run, may pass
        url = stack.enter_context(database or databases.fresh(name))
        stack.enter_context(databases.connected_to(url))
        stack.enter_context(_own_valkey(folder))
        now = datetime.now(UTC)
        slugs = [slug_of(n) for n in range(ORGANISATIONS)]
        create_missing(slugs, now=now)
        ids = dict(Organisation.objects.values_list("slug", "id"))
        yield Place(
            url=url,
            key=create_api_key(organisation=None, name="bench", now=now),
            tenants=[str(ids[slug]) for slug in slugs],
            environment={
                **os.environ,
                "DATABASE_URL": url,
                "STATIC_ROOT": str(folder / "static"),
            },
            folder=folder,
        )


@contextmanager
def _own_valkey(folder: Path) -> Iterator[None]:
    """A broker and cache of its own, for others' messages would be work, and ours a nuisance."""
    before = os.environ.pop("REDIS_URL")
    try:
        with running(folder / "valkey", durable=False, temporary=True) as servers:
            os.environ["REDIS_URL"] = servers.redis_url
            yield
    finally:
        os.environ["REDIS_URL"] = before


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as http:
                http.request("GET", "/api/v1/openapi.json")
                if http.getresponse().status == 200:
                    return
        except ConnectionError:
            pass
        time.sleep(0.05)
    raise RuntimeError("gunicorn does not answer.")
