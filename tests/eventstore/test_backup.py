"""A dump, restored into a cluster that never saw the old one, goes on where the old one was."""

import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, transaction

from catacloud.embedded import EmbeddedError, running
from catacloud.embedded.binaries import find_postgres
from catacloud.embedded.places import open_home
from eventstore import check, feed, horizon, repository, store
from eventstore.models import Checkpoint, Horizon
from eventstore.store import Append
from tests.eventstore.examples import TENANT, Counter, counted, stream
from tests.eventstore.servers import on
from tests.eventstore.test_feed import consume, consume_until, open_append

pytestmark = pytest.mark.django_db(transaction=True)

PARTITION = store.partition_of(TENANT)
# Each block's own transaction id: a cluster in use is far ahead of one that was just made.
USE_UP_TRANSACTION_IDS = """
DO $$ BEGIN
    CREATE TEMPORARY TABLE used (n int) ON COMMIT DROP;
    FOR n IN 1..20000 LOOP
        BEGIN INSERT INTO used VALUES (n); EXCEPTION WHEN unique_violation THEN NULL; END;
    END LOOP;
END $$
"""


@pytest.fixture
def state():
    with tempfile.TemporaryDirectory(prefix="catacloud-restored-") as name:
        Path(name).chmod(0o711)  # `nobody`, as whom root's servers run, may pass
        yield Path(name)


@pytest.fixture
def programs(state):
    """The folder of pg_dump and psql, of the server's version or newer."""
    try:
        found = find_postgres(open_home(state))
    except EmbeddedError as reason:
        pytest.skip(f"NOT TESTED: backup and restore. {reason}")
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10_000
    if not all((found.bin / name).exists() for name in ("pg_dump", "psql")) or found.major < server:
        pytest.skip(f"NOT TESTED: backup and restore. No pg_dump for {server} in {found.bin}.")
    return found.bin


@pytest.fixture
def new_cluster(state, monkeypatch):
    """The URL of a database in a cluster of its own, which is empty."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    with running(state, durable=False, temporary=True) as servers:
        yield servers.database_url


def dump_and_restore(programs, url):
    test_url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    dump = subprocess.run(
        [programs / "pg_dump", "--no-owner", "--dbname", test_url.geturl()],
        check=True,
        capture_output=True,
    ).stdout
    subprocess.run(
        [programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url],
        input=dump,
        check=True,
        capture_output=True,
    )


def count_up(key, times):
    for _ in range(times):
        repository.execute(
            Counter,
            tenant_id=key.tenant_id,
            stream_id=key.stream_id,
            decide=lambda counter: counter.count(1),
        )


def hold_a_gap():
    """Let the feed meet a gap whose writer is open, so that the horizon keeps a fence."""
    with connection.cursor() as cursor:
        cursor.execute(USE_UP_TRANSACTION_IDS)
    late = stream()
    store.append([Append(key=late, events=[counted()])])
    horizon.advance()
    assert Horizon.objects.get().fence_xid is not None
    return late


def test_a_restored_store_goes_on(programs, new_cluster, monkeypatch):
    key, never, seen = stream(), stream(), []
    count_up(key, 7)
    assert consume(seen.extend, partition=PARTITION, limit=5) == 5
    with open_append(never):  # its position is taken, and its commit is not in the dump
        late = hold_a_gap()
        dump_and_restore(programs, new_cluster)
    with on(new_cluster, monkeypatch):
        fence = Horizon.objects.get().fence_xid
        assert xid() < fence  # it means nothing here: no transaction before it would ever be over
        assert list(check.findings()) == []

        consume_until(seen, 8, partition=PARTITION)
        assert [(one.stream_id, one.version) for one in seen] == [
            *((key.stream_id, version) for version in range(1, 8)),
            (late.stream_id, 1),
        ]
        assert Checkpoint.objects.get().position == seen[-1].position

        count_up(key, 2)
        consume_until(seen, 10, partition=PARTITION)
        assert [one.version for one in seen[-2:]] == [8, 9]
        assert seen[-2].position > seen[-3].position  # the sequence went on as well
        assert feed.lag(consumer="tests").events == 0
        assert list(check.findings()) == []


def xid():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return cursor.fetchone()[0]
