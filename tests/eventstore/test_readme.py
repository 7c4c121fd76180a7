"""What the README shows runs as it stands there."""

import re
import sys
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from django.db import connection

import eventstore
from eventstore import events, projection, registry
from tests.eventstore.examples import NOON, TENANT

[FOLDER] = eventstore.__path__
README = Path(FOLDER) / "README.md"


@pytest.fixture
def blocks():
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def shown(blocks, monkeypatch):
    """A module of the README's first block, whose types are forgotten after the test."""
    for room, name in (
        (events, "_classes"),
        (events, "_names"),
        (registry, "_aggregates"),
        (projection, "_registered"),
    ):
        monkeypatch.setattr(room, name, dict(getattr(room, name)))
    module = ModuleType("shown")
    monkeypatch.setitem(sys.modules, "shown", module)
    exec(blocks[0], vars(module))
    return module


@pytest.fixture
def filled(transactional_db):
    """Make the example's table; return a function that reads it."""

    def rows():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM filled_1 ORDER BY litres")
            return cursor.fetchall()

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filled_1 (tenant_id uuid, litres int)")
    yield rows
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE filled_1")


@pytest.mark.django_db(transaction=True)
def test_the_example_runs(shown, filled):
    tank = uuid4()
    for litres in (30, 50):
        stands = shown.fill_tank(tenant_id=TENANT, tank_id=tank, litres=litres, now=NOON)
    assert stands == 80
    with pytest.raises(shown.TankOverflows, match="80 l are in it"):
        shown.fill_tank(tenant_id=TENANT, tank_id=tank, litres=21, now=NOON)
    projection.rebuild(shown.filled)
    assert filled() == [(TENANT, 30), (TENANT, 50)]
    projection.switch(shown.filled)
    assert projection.rebuild(shown.filled) == 0
    assert filled() == [(TENANT, 30), (TENANT, 50)]


def test_the_example_of_a_test_runs(blocks, shown):
    exec(blocks[1], {**vars(shown), "NOON": NOON})


def test_the_example_is_short(blocks):
    assert len([line for line in blocks[0].splitlines() if line.strip()]) <= 40
