"""What tests of several rooms use: data, the four personas, and a real web server."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, TransactionTestCase, override_settings
from hypothesis import HealthCheck
from hypothesis import settings as properties
from pytest_django.fixtures import Settings

from catacloud.accounts.models import Membership, Organisation, User
from tests import emptying, migrated
from tests.browser import browser as browser
from tests.factories import make_organisation, make_user, start_feed_here
from tests.object_storage import bucket as bucket
from tests.object_storage import object_storage as object_storage
from tests.plugin import MIGRATED
from tests.webserver import Server as Server
from tests.webserver import serve

BASE_DIR = Path(__file__).resolve().parent.parent
numbers = count(1)

# No test is timed: on a machine that has other work to do, drawing examples is slow as well.
properties.register_profile(
    "untimed", properties(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
properties.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real traces and cases beside the checkout, which is no part of the project."""
    folder = Path(os.environ.get("CATACLOUD_SHARED", BASE_DIR.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED on real data: there is no {folder}.")
    return folder


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest) -> Iterator[None]:
    """Use the database that has seen all migrations; on a server of the user's, make one."""
    if request.config.stash.get(MIGRATED, False):
        connection.close()
        connection.settings_dict["NAME"] = migrated.DATABASE
    else:
        request.getfixturevalue("django_db_setup")
    yield
    emptying.leave()


@pytest.fixture(scope="session")
def _kept_by_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for what tests keep: most keep nothing, and a folder each costs them as much."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(autouse=True)
def blob_root(settings: Settings, _kept_by_tests: Path) -> Path:
    """No test writes into the project's own blobs."""
    root = _kept_by_tests / f"blobs-{next(numbers)}"
    settings.BLOB_ROOT = root
    return root


@pytest.fixture(autouse=True)
def _documents_elsewhere(settings: Settings, _kept_by_tests: Path) -> None:
    """Nor into its issued documents."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": _kept_by_tests / f"documents-{next(numbers)}"},
    }
    settings.STORAGES = {**settings.STORAGES, "documents": folder}


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", emptying.after_test)
        place = "_should_reload_connections"
        patch.setattr(TransactionTestCase, place, emptying.wants_new_connection)
        yield


@pytest.fixture(autouse=True)
def ready_database(request: pytest.FixtureRequest) -> None:
    """Every test with a database has a feed without a gap."""
    with_database = {"db", "transactional_db"} & set(request.fixturenames)
    if with_database or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        start_feed_here()
        emptying.before_test()


@pytest.fixture(scope="session", autouse=True)
def _quick_settings() -> Iterator[None]:
    """Serve static files as they are in the tree, and do not spend time on hashing passwords."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    with override_settings(
        STORAGES={**settings.STORAGES, "staticfiles": {"BACKEND": plain}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # fast, for tests
        WHITENOISE_AUTOREFRESH=True,
        WHITENOISE_USE_FINDERS=True,
    ):
        yield


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


@pytest.fixture
def gunicorn_environ() -> dict[str, str]:
    """What the web server's settings read beside the database; a test file may override it."""
    return {}


@pytest.fixture
def gunicorn(
    transactional_db, blob_root, tmp_path, gunicorn_environ: dict[str, str]
) -> Iterator[Server]:
    """A real web server on the test's database and blobs: two processes, four threads each."""
    workers = tmp_path / "workers"
    with serve(blob_root=blob_root, workers_folder=workers, environment=gunicorn_environ) as server:
        yield server
