"""A running server, keys, and what folds the events that programs of others sent to it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from billing.metering.folding import saga
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import Organisation
from eventstore import feed
from tests.billing.clients.usage_js import Node
from tests.node import find_packages
from tests.webserver import Server, serve


@pytest.fixture(scope="package")
def server(django_db_setup, tmp_path_factory) -> Iterator[Server]:
    """One server for all files here; each test empties the tables after it."""
    folder = tmp_path_factory.mktemp("server")
    with serve(blob_root=folder / "blobs", workers_folder=folder / "workers") as server:
        yield server


@pytest.fixture
def address(transactional_db, server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
def platform(transactional_db) -> str:
    return create_api_key(organisation=None, name="platform", now=datetime.now(UTC))


@pytest.fixture
def own(acme: Organisation) -> str:
    return create_api_key(organisation=acme, name="own", now=datetime.now(UTC))


@pytest.fixture
def fold() -> Callable[[], None]:
    """Return what a worker does: fold all that has come."""

    def fold() -> None:
        for partition in feed.partitions():
            while saga.advance(partition=partition):
                pass

    return fold


@pytest.fixture
def node(address: str, platform: str) -> Node:
    return Node(find_packages("usage-clients"), address, platform)
