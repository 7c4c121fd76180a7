"""The tables of the tallies, and a version that is live."""

import pytest

from eventstore.projection import switch
from tests.eventstore.projection.tallies import run, tally


@pytest.fixture(autouse=True)
def _tables():
    run("CREATE TABLE tally_1 (position bigint PRIMARY KEY)")
    run("CREATE TABLE tally_2 (position bigint PRIMARY KEY)")
    run("CREATE TABLE mail (position bigint PRIMARY KEY, version int)")
    yield
    run("DROP TABLE tally_1, tally_2, mail")


@pytest.fixture
def live():
    """Version 1, live from the beginning on."""
    one = tally(1)
    switch(one)
    return one
