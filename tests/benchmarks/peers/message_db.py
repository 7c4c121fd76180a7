"""The worker of `@eventide/message-db`: the functions of its package, called by psycopg."""

import os
from itertools import count
from uuid import uuid4

import psycopg

from tests.benchmarks.peers import MODULES
from tests.benchmarks.peers.payload import DATA, TYPE
from tests.benchmarks.workers import Reply, counted, repeated, serve

# What its install.sh runs, without its role and pgcrypto: PostgreSQL has gen_random_uuid itself.
SCRIPTS = (
    *("schema/message-store", "types/message", "tables/messages"),
    *("functions/message-store-version", "functions/hash-64", "functions/acquire-lock"),
    *("functions/category", "functions/is-category", "functions/id", "functions/cardinal-id"),
    *("functions/stream-version", "functions/write-message"),
    *("indexes/messages-id", "indexes/messages-stream", "indexes/messages-category"),
)
WRITE = "SELECT write_message(%s, %s, %s, %s::text::jsonb, NULL, %s)"

connection = psycopg.connect(
    os.environ["DATABASE_URL"], autocommit=True, options="-c search_path=message_store,public"
)


def hello(writer: int) -> Reply:
    return {}


def create(writer: int) -> Reply:
    for script in SCRIPTS:
        sql = (MODULES / "@eventide/message-db/database" / f"{script}.sql").read_bytes()
        connection.execute(sql)
    return {}


def single(writer: int, seconds: float) -> Reply:
    stream, version = f"meter-{uuid4()}", count(-1)
    return repeated(
        lambda: connection.execute(WRITE, _message(stream, next(version)), prepare=True),
        seconds=seconds,
    )


def batch(writer: int, events: int) -> Reply:
    """It writes one message a call: many are a transaction, here even without waiting for each."""
    stream = f"meter-{uuid4()}"
    given = [_message(stream, version) for version in range(-1, events - 1)]

    def work() -> int:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(WRITE, given)
        return len(given)

    return counted(work)


def _message(stream: str, version: int) -> tuple[object, ...]:
    return str(uuid4()), stream, TYPE, DATA.decode(), version


if __name__ == "__main__":
    serve({"hello": hello, "create": create, "single": single, "batch": batch})
