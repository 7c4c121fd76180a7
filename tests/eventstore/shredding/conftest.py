"""A guest whose personal values are sealed, and the chain of digests."""

import pytest

from eventstore import chain, store
from tests.eventstore.guests import arrival, guest


@pytest.fixture
def key():
    key = guest()
    store.append([arrival(key)])
    return key


@pytest.fixture
def _chained():
    chain.turn_on()
    yield
    chain.turn_off()
