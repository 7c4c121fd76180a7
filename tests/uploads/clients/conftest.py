"""A running server, an organisation with a key, and files to send to it by programs of others."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import Organisation
from tests.node import find_packages
from tests.uploads.clients.tus_js import TusJs
from tests.uploads.clients.wire import Wire
from tests.webserver import Server, Serving, started_once
from uploads.models import UploadedFile

MIB = 2**20


@dataclass(frozen=True)
class Account:
    """What a client has to know, and what the server is asked once a client is done."""

    organisation: Organisation
    key: str
    port: int

    @property
    def endpoint(self) -> str:
        return self.endpoint_at(self.port)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def endpoint_at(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/files/{self.organisation.slug}/"

    def ask(self, method: str, url: str) -> tuple[int, bytes]:
        http = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            http.request(
                method, urlsplit(url).path, None, self.headers | {"Tus-Resumable": "1.0.0"}
            )
            response = http.getresponse()
            return response.status, response.read()
        finally:
            http.close()

    def has(self, url: str, path: Path) -> bool:
        """Tell whether what is downloaded is what was uploaded."""
        status, content = self.ask("GET", url)
        assert status == 200, content[:500]
        return content == path.read_bytes()

    def has_lost(self, url: str) -> bool:
        return self.ask("HEAD", url)[0] in {404, 410}

    def sizes_listed(self) -> list[int]:
        return sorted(file.size or 0 for file in self._files())

    def names_listed(self) -> list[str]:
        return sorted(file.name for file in self._files())

    def _files(self) -> list[UploadedFile]:
        """Return the files that the organisation sees as complete."""
        return list(UploadedFile.objects.of(self.organisation).filter(completed_at__isnull=False))


@pytest.fixture(scope="package")
def serving(django_db_setup, tmp_path_factory) -> Iterator[Serving]:
    """One server for all files; each test has an organisation, and blobs, of its own."""
    with started_once(tmp_path_factory.mktemp("clients")) as serving:
        yield serving


@pytest.fixture
def gunicorn(transactional_db, serving: Serving, gunicorn_environ: dict[str, str]) -> Server:
    return serving(**gunicorn_environ)


@pytest.fixture
def blob_root(gunicorn: Server, settings) -> Iterator[Path]:
    root = gunicorn.workers_folder.with_name("blobs")
    settings.BLOB_ROOT = root
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def account(acme: Organisation, gunicorn: Server) -> Account:
    key = create_api_key(organisation=acme, name="client", now=datetime.now(UTC))
    return Account(acme, key, gunicorn.port)


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of files with bytes of their own, of a size that no part divides evenly."""

    def make(name: str = "film.mp4", *, mib: int = 8) -> Path:
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(mib * MIB + 13))
        return path

    return make


@pytest.fixture
def film(make_file: Callable[..., Path]) -> Path:
    return make_file()


@pytest.fixture
def is_kept_once(account: Account, blob_root: Path) -> Callable[..., None]:
    """Return the check of every upload: the same bytes, one file listed, nothing kept twice."""

    def check(url: str, path: Path) -> None:
        size = path.stat().st_size
        assert account.has(url, path)
        assert account.sizes_listed() == [size]
        assert bytes_under(blob_root) == size

    return check


def bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def wire(gunicorn: Server) -> Iterator[Wire]:
    """A way to the server that can be broken."""
    with Wire(gunicorn.port) as wire:
        yield wire


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the pinned packages of npm."""
    return find_packages("clients")


@pytest.fixture
def tus_js(account: Account, packages: Path, tmp_path: Path) -> TusJs:
    """tus-js-client in Node; each of its runs is a process of its own."""
    storage = tmp_path / "urls"
    storage.mkdir()
    return TusJs(packages, account.endpoint, account.key, storage)
