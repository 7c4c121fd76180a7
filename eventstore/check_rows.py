"""What the modules of the check share: rows of a snapshot by the portion, names of streams."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg

CHUNK = 2000  # rows that are held at a time

Connection = psycopg.Connection[tuple[Any, ...]]
Watch = Callable[[str, int, int], object]
"""Told what is being looked at, how much of it is done, and out of how much."""


def rows(db: Connection, sql: str) -> Iterator[tuple[Any, ...]]:
    with db.cursor(name="eventstore_check") as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(sql)


def stream_name(tenant: UUID, stream: UUID) -> str:
    return f"Stream {stream} of tenant {tenant}"
