"""Every form that an event ever had can be read for ever.

A fixture is made when a type, or a new version of its schema, first ships, and is never touched
again: `history/<type>.<version>.json`, with its line in `history/MANIFEST` (`sha256sum *.json`).
"""

import hashlib
from pathlib import Path

import msgspec
import pytest

from billing.accounts import account
from billing.budgets import events as budgets
from billing.metering import events as usage
from catacloud.org_settings import events as settings
from eventstore import events
from uploads import events as files

HISTORY = Path(__file__).parent / "history"
ROOMS = (account, budgets, usage, files, settings)  # to import them registers their types

FIXTURES = sorted(HISTORY.glob("*.json"))


def shipped():
    """Types and current versions of the rooms; tests register some of their own."""
    return {
        name: version
        for name, version in events.current_versions().items()
        if not name.startswith("test.")
    }


def read(path):
    fixture = msgspec.json.decode(path.read_bytes())
    assert path.name == f"{fixture['type']}.{fixture['version']}.json"
    return fixture


def decoded(fixture):
    data = msgspec.json.encode(fixture["data"]).decode()
    return events.decode(name=fixture["type"], version=fixture["version"], data=data)


def test_every_type_has_a_fixture_of_its_current_version():
    wanted = {f"{name}.{version}.json" for name, version in shipped().items()}
    assert wanted - {path.name for path in FIXTURES} == set()
    assert {name.split(".")[0] for name in shipped()} == {
        "account",
        "budget",
        "file",
        "organisation",
        "usage",
    }


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_what_was_written_once_can_still_be_read(path):
    assert events.type_of(decoded(read(path)))[0] == read(path)["type"]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_what_is_written_today_comes_back_in_full(path):
    # A field that was renamed without a new version would be read as its default, without a word.
    fixture = read(path)
    if fixture["version"] == shipped()[fixture["type"]]:
        assert msgspec.json.decode(events.encode(decoded(fixture))) == fixture["data"]


def test_no_fixture_was_changed_added_or_deleted_without_its_line_in_the_manifest():
    found = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in FIXTURES]
    assert found == (HISTORY / "MANIFEST").read_text().splitlines()
