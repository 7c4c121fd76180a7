"""What tests of several rooms use: data, the four personas, and a real web server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from catacloud.accounts.models import Membership, Organisation, User
from tests.factories import make_organisation, make_services, make_user, start_feed_here

BASE_DIR = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real traces and cases beside the checkout, which is no part of the project."""
    folder = Path(os.environ.get("CATACLOUD_SHARED", BASE_DIR.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED on real data: there is no {folder}.")
    return folder


@pytest.fixture(autouse=True)
def blob_root(settings, tmp_path: Path) -> Path:
    """No test writes into the project's own blobs."""
    root = tmp_path / "blobs"
    settings.BLOB_ROOT = root
    return root


@pytest.fixture(autouse=True)
def ready_database(request: pytest.FixtureRequest) -> None:
    """Every test with a database has the ready-made services, and a feed without a gap."""
    with_database = {"db", "transactional_db"} & set(request.fixturenames)
    if with_database or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        make_services()
        start_feed_here()


@pytest.fixture(autouse=True)
def _quick_settings(settings: Settings) -> None:
    """Serve static files as they are in the tree, and do not spend time on hashing passwords."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": plain}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for tests
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True


@pytest.fixture
def acme(db: None) -> Organisation:
    return make_organisation("Acme")


@pytest.fixture
def operator(db: None) -> User:
    return make_user("operator@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def owner(acme: Organisation) -> User:
    return make_user("owner@example.org", organisation=acme, role=Membership.Role.OWNER)


@pytest.fixture
def member(acme: Organisation) -> User:
    return make_user("member@example.org", organisation=acme)


@pytest.fixture
def stranger(db: None) -> User:
    """Someone who is signed in, and belongs to another organisation."""
    return make_user("stranger@example.org", organisation=make_organisation("Globex"))


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """Return a client that is signed in as a person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@dataclass(frozen=True)
class Server:
    port: int
    workers_folder: Path  # a file per worker that was ever started, named by its process id


@pytest.fixture
def gunicorn(transactional_db, blob_root, tmp_path) -> Iterator[Server]:
    """A real web server on the test's database and blobs: two processes, four threads each."""
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    workers = tmp_path / "workers"
    workers.mkdir()
    environment = {
        "DATABASE_URL": database.geturl(),
        "BLOB_ROOT": str(blob_root),
        "WORKERS_FOLDER": str(workers),
    }
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "catacloud.wsgi", "--worker-class", "gthread"),
                *("--workers", "2", "--threads", "4", "--bind", f"fd://{listener.fileno()}"),
                *("--log-level", "warning", "--graceful-timeout", "3"),
                *("--keep-alive", "60", "--config", "python:tests.gunicorn_hooks"),
            ],
            cwd=BASE_DIR,
            env=os.environ | environment,
            pass_fds=[listener.fileno()],
        )
        port = listener.getsockname()[1]
    try:
        _wait_until_it_answers(port, process)
        yield Server(port, workers)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        try:
            http = HTTPConnection("127.0.0.1", port, timeout=10)
            http.request("GET", "/api/v1/openapi.json")
            http.getresponse().read()
            http.close()
            return
        except ConnectionError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"gunicorn does not answer; its exit status is {process.returncode}.")
