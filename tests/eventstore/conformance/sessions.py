"""What others do to the store meanwhile: their sessions, their locks, and the end of sessions."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import connection

from eventstore import store
from eventstore.events import StreamKey
from eventstore.store import NewEvent
from tests import emptying
from tests.eventstore.conformance.sides import of, ones
from tests.eventstore.servers import elsewhere as environment
from tests.eventstore.servers import until

T = TypeVar("T")


def another_session() -> "psycopg.Connection[tuple[Any, ...]]":
    """Open a connection that belongs to nobody else, in autocommit."""
    return psycopg.connect(environment()["DATABASE_URL"], autocommit=True)


def elsewhere(job: Callable[[], T]) -> T:
    """Do something as another process would: also amid a decision, on either side."""

    def run() -> T:
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def append_elsewhere(key: StreamKey, *events: NewEvent) -> None:
    elsewhere(lambda: store.append([of(key, *(events or ones(1)))]))


def heads(*keys: StreamKey) -> dict[UUID, int]:
    """Return which of the streams have a row, and at which version: as another session sees it."""
    with another_session() as other:
        rows = other.execute(
            "SELECT stream_id, version FROM eventstore_stream WHERE stream_id = ANY(%s)",
            [[key.stream_id for key in keys]],
        )
        return dict(rows.fetchall())


@contextmanager
def locked(key: StreamKey) -> Iterator[None]:
    """Let another session have a stream's row."""
    with another_session() as other, other.transaction():
        held = other.execute(
            "SELECT FROM eventstore_stream WHERE tenant_id = %s AND stream_id = %s FOR UPDATE",
            [key.tenant_id, key.stream_id],
        )
        assert held.rowcount == 1
        yield


SESSIONS = f"""
SELECT {{what}} FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid <> pg_backend_pid() AND application_name <> '{emptying.NAME}' AND {{which}}
"""
WAITING = "wait_event_type = 'Lock'"
UNFINISHED = "state <> 'idle'"


def sessions(which: str = "true", what: str = "pid") -> list[Any]:
    """Return the sessions of the test's database, as another session sees them."""
    with another_session() as other:
        rows = other.execute(SESSIONS.format(what=what, which=which).encode())
        return [value for (value,) in rows]


def kill_sessions(which: str = "true") -> None:
    """Terminate sessions, and wait until they are gone."""
    killed = sessions(which, "pid || '' || left(pg_terminate_backend(pid)::text, 0)")
    assert killed
    until(lambda: not sessions(f"pid IN ({','.join(killed)})"))


def once_one_waits(job: Callable[[], object]) -> AbstractContextManager[None]:
    """Do something, in another thread, as soon as a session waits for a lock."""

    def run() -> None:
        until(lambda: sessions(WAITING))
        job()

    return _beside(run)


@contextmanager
def _beside(job: Callable[[], object]) -> Iterator[None]:
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(partial(elsewhere, job))
        yield
        done.result()
