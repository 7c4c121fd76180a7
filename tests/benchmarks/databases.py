"""Databases for benchmarks: a migrated template, fresh copies of it, and all of it durable."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import django
import psycopg
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg.sql import SQL, Identifier

TEMPLATE = "catacloud_bench"
NAMED = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class NotDurable(Exception):
    """Figures of a server that may lose what it has committed would mean nothing."""


def use_template() -> None:
    """Create the migrated database and let Django use it. Raises NotDurable."""
    os.environ["DATABASE_URL"] = create(TEMPLATE)
    os.environ["DJANGO_SETTINGS_MODULE"] = "catacloud.settings"
    django.setup()
    call_command("migrate", verbosity=0)


def create(name: str, *, template: str = "template1") -> str:
    """Create a database, in place of one of that name, and return its URL. Raises NotDurable."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        _refuse_what_is_not_durable(admin)
        admin.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
        admin.execute(_sql("CREATE DATABASE {} TEMPLATE {}", name, template))
    return f"{server}/{name}"


@contextmanager
def fresh(name: str, *, template: str = TEMPLATE) -> Iterator[str]:
    """A database for one measure, so that none is slowed down by what others left behind."""
    connection.close()  # a template must have no users
    url = create(f"{TEMPLATE}_{name}", template=template)
    try:
        yield url
    finally:
        server, _, _ = url.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(_sql("DROP DATABASE {} WITH (FORCE)", f"{TEMPLATE}_{name}"))
            admin.execute("CHECKPOINT")  # now, not in the midst of the next measure


@contextmanager
def kept(name: str, *, of: str, fill: Callable[[], None]) -> Iterator[str]:
    """A database that stays for the next run: filled where there is none with what ``of`` names.

    Migrations are part of that, too. One is kept of each name.
    """
    connection.close()
    known = "\n".join(sorted(f"{app} {one}" for app, one in MigrationLoader(None).disk_migrations))
    digest = hashlib.sha256(f"{of}\n{known}".encode()).hexdigest()[:12]
    whole, prefix = f"{TEMPLATE}_{name}_{digest}", f"{TEMPLATE}_{name}_"
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        found = {one for (one,) in admin.execute(NAMED, [prefix])}
        for one in found - {whole}:
            admin.execute(_sql("DROP DATABASE {} WITH (FORCE)", one))
        if whole not in found:
            url = create(f"{prefix}filling", template=TEMPLATE)
            with connected_to(url):
                fill()
            admin.execute("CHECKPOINT")
            admin.execute(_sql("ALTER DATABASE {} RENAME TO {}", f"{prefix}filling", whole))
    yield f"{server}/{whole}"


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Let Django use another database of its server."""
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = urlsplit(url).path.lstrip("/")
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _refuse_what_is_not_durable(admin: psycopg.Connection) -> None:
    for name in DURABLE:
        row = admin.execute(_sql("SHOW {}", name)).fetchone()
        if row != ("on",):
            raise NotDurable(f"{name} is {row}, not on: no benchmark runs on this server.")


def _sql(text: str, *names: str) -> psycopg.sql.Composed:
    return SQL(text).format(*map(Identifier, names))
