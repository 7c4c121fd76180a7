"""What the store asks of a database, step by step: written once, carried out by whoever asks.

A flow is a generator. It yields a step, is sent the rows, and returns its result; what the database
raises is raised where it waits. So the store's logic knows no connection, and callers that block
and callers that await (drivers.py) run the very same flows.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import django.db
import msgspec
import psycopg

from eventstore.events import StreamKey

T = TypeVar("T")

ERRORS = (psycopg.Error, django.db.Error)
"""What a database raises: psycopg's own to who awaits, Django's to who blocks."""


class Query(msgspec.Struct, frozen=True):
    """A statement to execute, with its values; all its rows are sent back."""

    sql: str
    values: dict[str, Any]


class Lock(msgspec.Struct, frozen=True):
    """Lock a stream's row, and send its ``type, version``; no row where there is no stream."""

    key: StreamKey


Row = tuple[Any, ...]
Flow = Generator[Query | Lock, list[Row], T]


def rows_of(query: Query) -> Flow[list[Row]]:
    """Ask for all rows of a query, and nothing else."""
    return (yield query)
