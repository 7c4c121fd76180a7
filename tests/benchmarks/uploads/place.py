"""Where uploads are timed: gunicorn, an organisation with a key, and blobs on a real disk."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import Organisation
from catacloud.accounts.organisations import create_missing
from tests.benchmarks import databases
from tests.benchmarks.workers import ROOT
from tests.webserver import Server, serve
from uploads import collecting

HOME = ROOT / ".local" / "bench"
PRODUCTION = ROOT / ".local" / "production" / "bin" / "python"  # made by ./dev bench
PIECE = 2**20  # bytes that are written at a time


class NotOnDisk(Exception):
    """Figures of a file system in memory would mean nothing."""


@dataclass(frozen=True)
class Account:
    """An organisation that uploads."""

    organisation: Organisation
    key: str

    @property
    def slug(self) -> str:
        return self.organisation.slug

    @property
    def headers(self) -> dict[str, str]:
        return {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {self.key}"}


@dataclass(frozen=True)
class Place:
    server: Server
    blobs: Path
    folder: Path
    accounts: list[Account]

    @property
    def account(self) -> Account:
        return self.accounts[0]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/files/{self.account.slug}/"

    def ask(self, method: str, url: str, expected: int, **headers: str) -> HTTPResponse:
        """Send a request without a body on a connection of its own, as it is with many clients."""
        with closing(HTTPConnection("127.0.0.1", self.server.port, timeout=60)) as http:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            http.request(method, urlsplit(url).path, None, self.account.headers | named)
            response = http.getresponse()
            body = response.read()
        if response.status != expected:
            raise RuntimeError(f"{method}: {response.status} {body[:300]!r}")
        return response

    def final(self, urls: list[str], **headers: str) -> str:
        concat = f"final;{' '.join(urls)}"
        response = self.ask("POST", self.endpoint, 201, Upload_Concat=concat, **headers)
        return response.headers["Location"]

    def drop(self, *urls: str) -> None:
        """Delete uploads, and give their space back."""
        for url in urls:
            self.ask("DELETE", url, 204)
        collecting.collect(now=datetime.now(UTC))

    def workers(self) -> list[int]:
        return living(self.server)

    def kept(self) -> int:
        """Return the bytes that the blobs take on the disk."""
        return sum(path.stat().st_blocks * 512 for path in self.blobs.glob("??/*"))

    def written(self) -> int:
        """Return the bytes that the workers had written to a disk, or will have."""
        return sum(
            _count(pid, "io", "write_bytes") - _count(pid, "io", "cancelled_write_bytes")
            for pid in self.workers()
        )

    def peak_memory(self) -> int:
        """Return the most bytes of memory that a worker ever had."""
        return max(_count(pid, "status", "VmHWM") * 1024 for pid in self.workers())


@contextmanager
def place(
    name: str, *, organisations: int = 1, environment: Mapping[str, str] | None = None
) -> Iterator[Place]:
    """Serve from a fresh database and folder; both are removed afterwards. Raises NotOnDisk."""
    folder = HOME / f"{name}-{os.getpid()}"
    folder.mkdir(parents=True)
    before = settings.BLOB_ROOT
    try:
        _refuse_memory(folder)
        settings.BLOB_ROOT = folder / "blobs"
        with (
            databases.fresh(name) as url,
            _connected_to(urlsplit(url).path.lstrip("/")),
            serve(
                blob_root=settings.BLOB_ROOT,
                workers_folder=folder / "workers",
                environment=environment,
                log=folder / "log",
                python=PRODUCTION,
            ) as server,
        ):
            accounts = _accounts(organisations)
            yield Place(server, settings.BLOB_ROOT, folder, accounts)
    finally:
        settings.BLOB_ROOT = before
        shutil.rmtree(folder)
        with suppress(OSError):  # another run's are there
            HOME.rmdir()


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    """Let Django use another database of its server."""
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def living(server: Server) -> list[int]:
    """Return the process ids of the web workers that live."""
    pids = [int(path.name) for path in server.workers_folder.iterdir()]
    return [pid for pid in pids if _parent(pid) == server.process.pid]


def make_file(path: Path, size: int) -> Path:
    """Write random bytes, so that nothing on the way can make them fewer."""
    with path.open("wb") as file:
        for start in range(0, size, PIECE):
            file.write(os.urandom(min(PIECE, size - start)))
        os.fsync(file.fileno())
    return path


def _accounts(count: int) -> list[Account]:
    now = datetime.now(UTC)
    slugs = [f"uploader-{n}" for n in range(count)]
    create_missing(slugs, now=now)
    owners = [Organisation.objects.get(slug=slug) for slug in slugs]
    return [Account(o, create_api_key(organisation=o, name="bench", now=now)) for o in owners]


def _parent(pid: int) -> int | None:
    try:
        return _count(pid, "status", "PPid")
    except FileNotFoundError:
        return None


def _count(pid: int, file: str, name: str) -> int:
    """Return a figure that Linux keeps of a process."""
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise LookupError(f"/proc/{pid}/{file} has no {name}.")


def _refuse_memory(folder: Path) -> None:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    inside = [m for m in mounts if folder.resolve().is_relative_to(m[1])]
    _, where, kind, *_ = max(inside, key=lambda mount: len(mount[1]))
    if kind in ("tmpfs", "ramfs"):
        raise NotOnDisk(f"{where} is a {kind}: the benchmark needs a real disk.")
