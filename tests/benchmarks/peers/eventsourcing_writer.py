"""The worker of `eventsourcing`: its application recorder for PostgreSQL in its default mode.

That mode locks the table, so that readers of its log miss nothing; the faster one loses events.
"""

import os
from itertools import count
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from eventsourcing.persistence import (  # type: ignore[import-not-found]
    InfrastructureFactory,
    StoredEvent,
)
from eventsourcing.utils import Environment  # type: ignore[import-not-found]

from tests.benchmarks.peers.payload import DATA, TYPE
from tests.benchmarks.workers import Reply, counted, repeated, serve

url = urlsplit(os.environ["DATABASE_URL"])
ENVIRONMENT = {
    "PERSISTENCE_MODULE": "eventsourcing.postgres",
    "POSTGRES_DBNAME": url.path.removeprefix("/"),
    "POSTGRES_HOST": unquote(url.netloc.rpartition("@")[2].partition(":")[0]),
    "POSTGRES_PORT": "5432",
    "POSTGRES_USER": unquote(url.username or ""),
    "POSTGRES_PASSWORD": unquote(url.password or "") or "none",  # it insists on one
    "POSTGRES_POOL_SIZE": "1",
    "POSTGRES_MAX_OVERFLOW": "0",
}
CALL = 2500  # events

recorder = None


def create(writer: int) -> Reply:
    """Create the tables, before any other starts: creating them at once fails."""
    _recorder("yes")
    return {}


def hello(writer: int) -> Reply:
    return {}


def _recorder(create_table: str):
    global recorder
    if recorder is None:
        environment = Environment("Bench", ENVIRONMENT | {"CREATE_TABLE": create_table})
        recorder = InfrastructureFactory.construct(environment).application_recorder()
    return recorder


def single(writer: int, seconds: float) -> Reply:
    stream, version, recorder = uuid4(), count(1), _recorder("no")
    return repeated(
        lambda: recorder.insert_events([StoredEvent(stream, next(version), TYPE, DATA)]),
        seconds=seconds,
    )


def batch(writer: int, events: int) -> Reply:
    """In several calls, so not one append: a call with all of these bytes never returns."""
    stream, recorder = uuid4(), _recorder("no")
    given = [StoredEvent(stream, version, TYPE, DATA) for version in range(1, events + 1)]
    parts = [given[start : start + CALL] for start in range(0, events, CALL)]
    return counted(lambda: sum(len(recorder.insert_events(part)) for part in parts))


if __name__ == "__main__":
    serve({"hello": hello, "create": create, "single": single, "batch": batch})
