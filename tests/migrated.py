"""The data of a PostgreSQL whose database for tests has seen all migrations: made once and copied.

To make it takes ten seconds of a core, which each worker of pytest spent; to copy it takes less
than one. It stays in .local until a migration changes, or anything else that it is made of.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from catacloud.embedded import environment, running
from catacloud.embedded.binaries import find_postgres
from catacloud.embedded.locks import lock, open_lock
from catacloud.embedded.places import Account, Home, open_home

DATABASE = "test_catacloud"
BASE_DIR = Path(__file__).resolve().parents[1]
KEPT = BASE_DIR / ".local" / "migrated"
MADE_OF = (
    "[a-z]*/**/migrations/*.py",
    "catacloud/settings.py",
    "catacloud/embedded/servers.py",
    "requirements*.txt",
    "tests/migrated.py",
)
SETTINGS = ("EVENTSTORE_PARTITIONS",)  # which migrations read


def make(state: Path) -> None:
    """Make the data with servers of this state, unless they are there already.

    Raises EmbeddedError, and CalledProcessError if a migration fails.
    """
    with _alone():
        _made(open_home(state))


def put_into(state: Path) -> None:
    """Give servers that have not started yet the data. Raises what `make` does."""
    home = open_home(state)
    with _alone():
        data = home.base / "postgres"
        shutil.copytree(_made(home), data)
        _give(data, home.account)


def url(server: str) -> str:
    """Return the URL of the migrated database, given that of another on the same server."""
    return f"{server.rpartition('/')[0]}/{DATABASE}"


@contextmanager
def _alone() -> Iterator[None]:
    KEPT.mkdir(parents=True, exist_ok=True)
    held = open_lock(KEPT / "lock")
    try:
        lock(held)
        yield
    finally:
        os.close(held)


def _made(home: Home) -> Path:
    wanted = KEPT / _digest(find_postgres(home).major)
    if not wanted.exists():
        for other in KEPT.glob("*/"):
            shutil.rmtree(other)  # of earlier migrations, or half of one
        _migrate(home.state)
        partial = wanted.with_suffix(".partial")
        shutil.move(home.base / "postgres", partial)
        partial.rename(wanted)
    return wanted


def _digest(major: int) -> str:
    parts = [f"{major}", *(f"{name}={os.environ.get(name)}" for name in SETTINGS)]
    for path in sorted(path for pattern in MADE_OF for path in BASE_DIR.glob(pattern)):
        parts += [str(path.relative_to(BASE_DIR)), path.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _migrate(state: Path) -> None:
    """Leave a cluster in the state, stopped in good order, that has the migrated database."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)  # or those that it names would be used
        with running(state, durable=False) as servers:
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
            there = environment(servers) | {"DATABASE_URL": url(servers.database_url)}
            # Its checks would warn of these servers, which are fast and forgetful on purpose.
            program = [sys.executable, "manage.py", "migrate", "--run-syncdb", "--skip-checks"]
            command = [*program, "--verbosity", "0"]
            subprocess.run(command, cwd=BASE_DIR, env=os.environ | there, check=True)


def _give(folder: Path, account: Account) -> None:
    """Let the servers' account own the files, as it owns those that it makes."""
    folder.chmod(0o700)
    if account.borrowed:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid)
