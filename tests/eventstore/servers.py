"""What tests of several processes and sessions share: their environment, databases and patience."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import dj_database_url
import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import emptying

PLACE = ("NAME", "HOST", "PORT", "USER", "PASSWORD")


def elsewhere() -> dict[str, str]:
    """Return the environment of a process that works on the test's database."""
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    return os.environ | {
        "DATABASE_URL": database.geturl(),
        "DJANGO_SETTINGS_MODULE": "catacloud.settings",
    }


@contextmanager
def on(place: str | Mapping[str, object], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Django work on another database, given by its URL, or on what is changed of this one."""
    changed = dj_database_url.parse(place) if isinstance(place, str) else place
    connection.close()
    with monkeypatch.context() as patch:
        for name, value in changed.items():
            if name in PLACE:
                patch.setitem(connection.settings_dict, name, value)
        try:
            yield
        finally:
            connection.close()


@contextmanager
def copied(template: str, *, name: str) -> Iterator[None]:
    """Copy a database of the test's server while the block runs; nobody may be in it."""
    connection.close()
    emptying.leave()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def session(name: str) -> Iterator[BaseDatabaseWrapper]:
    """Open a second session with a name that PostgreSQL lists."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [name])
        yield other
    finally:
        other.close()


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until the condition holds. Raises TimeoutError.

    It is looked at often at first, and after a second less so: to ask costs as well.
    """
    start = time.monotonic()
    while not condition():
        waited = time.monotonic() - start
        if waited > seconds:
            raise TimeoutError(f"It did not happen within {seconds} s.")
        time.sleep(0.01 if waited < 1 else 0.05)
