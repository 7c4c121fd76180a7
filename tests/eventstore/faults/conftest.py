"""What must hold after every fault, and what the tests of several faults use."""

from collections.abc import Iterator

import pytest

from eventstore import check
from tests.eventstore.faults import effects
from tests.eventstore.faults.clusters import Cluster, own_cluster
from tests.eventstore.faults.wire import Wire


@pytest.fixture(autouse=True)
def _clean_afterwards(transactional_db: None) -> Iterator[None]:
    """Whatever a test does to it, the store is whole afterwards."""
    yield
    assert list(check.findings()) == []


@pytest.fixture
def handled(transactional_db: None) -> Iterator[None]:
    """A table of what consumers have handled, which any process can write and read."""
    effects.create()
    yield
    effects.drop()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, which may crash: Django works on it meanwhile."""
    with own_cluster(monkeypatch) as cluster:
        yield cluster
        assert list(check.findings()) == []
