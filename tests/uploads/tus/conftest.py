"""One server for all files here, and one database that is emptied at the end.

A test needs no empty database: it has an organisation of its own, and sees nothing else. So it
costs milliseconds; starting a server and emptying all tables for each would cost seconds.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import Organisation
from eventstore.models import StoredEvent
from tests.emptying import empty
from tests.factories import make_organisation, start_feed_here
from tests.uploads.tus.client import Tus
from tests.uploads.tus.limits import LIMITS, OTHERS
from tests.webserver import Server, Serving, started_once

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
numbers = count(1)


@pytest.fixture(scope="package")
def lasting_db(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        start_feed_here()
        yield
        empty()


@pytest.fixture
def transactional_db(lasting_db) -> None:
    """Hide pytest-django's, which empties all tables after each test."""


@pytest.fixture
def db(lasting_db) -> None:
    """Hide pytest-django's, whose transaction another process would not see."""


@pytest.fixture
def ready_database(lasting_db) -> None:
    """Hide the one for all tests: it is ready since the first."""


@pytest.fixture(scope="package")
def serving(lasting_db, tmp_path_factory) -> Iterator[Serving]:
    with started_once(tmp_path_factory.mktemp("tus")) as serving:
        yield serving


@pytest.fixture
def server(transactional_db, serving: Serving) -> Server:
    return serving(**LIMITS)


@pytest.fixture
def organisation(transactional_db) -> Organisation:
    return make_organisation(f"Tus {next(numbers)}")


@pytest.fixture
def stranger(transactional_db) -> Organisation:
    return make_organisation(f"Stranger {next(numbers)}")


def as_program(server: Server, organisation: Organisation) -> Tus:
    key = create_api_key(organisation=organisation, name="tus", now=NOON)
    return Tus(server.port, organisation.slug, {"Authorization": f"Bearer {key}"})


@pytest.fixture
def tus(server: Server, organisation: Organisation) -> Tus:
    """The organisation's program."""
    return as_program(server, organisation)


@pytest.fixture(scope="package")
def reader(serving: Serving) -> Tus:
    """A program whose files are only looked at, so that tests can share them."""
    return as_program(serving(**LIMITS), make_organisation("Readers"))


@pytest.fixture
def strange(server: Server, stranger: Organisation) -> Tus:
    """The program of another organisation."""
    return as_program(server, stranger)


@pytest.fixture
def other(serving: Serving, organisation: Organisation) -> Tus:
    """The organisation's program at a server with the default limits, and without CORS."""
    return as_program(serving(**OTHERS), organisation)


@pytest.fixture
def completions(organisation: Organisation) -> Callable[[str], int]:
    """Return how many times the file at an address was completed."""

    def count_of(url: str) -> int:
        file_id = url.rstrip("/").rpartition("/")[2]
        events = StoredEvent.objects.filter(tenant_id=organisation.id, stream_id=file_id)
        return events.filter(type="file.completed").count()

    return count_of
