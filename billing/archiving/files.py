"""Archives as Parquet files: events as they are stored, a row each, and back. Pure.

Anything that reads Parquet can read them: ``data`` and ``metadata`` are JSON as text, and times are
in UTC. The file's own metadata name the organisation, the month and the digest of its rows.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_DIGEST = "catacloud.rows_sha256"


class BrokenFile(Exception):
    """A file is no archive, or not the one that was written."""


class Row(NamedTuple):
    """An event as it is stored, but for its tenant and partition."""

    position: int
    stream_id: UUID
    version: int
    event_id: UUID
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    data: str
    metadata: str


_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("stream_id", pa.string(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("schema_version", pa.int16(), nullable=False),
        pa.field("occurred_at", _TIME, nullable=False),
        pa.field("recorded_at", _TIME, nullable=False),
        pa.field("data", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)


def encode(rows: Sequence[Row], *, organisation_id: UUID, about: dict[str, str]) -> bytes:
    """Return a file of the rows; ``about`` is noted in it. The same rows make the same file."""
    arrays = [
        pa.array([str(one) for one in column] if kind.type == pa.string() else column, kind.type)
        for column, kind in zip(zip(*rows, strict=True), SCHEMA, strict=True)
    ]
    notes = {f"catacloud.{name}": value for name, value in about.items()}
    noted = {**notes, ROWS_DIGEST: digest(rows, organisation_id=organisation_id).hex()}
    table = pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata(noted))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def decode(content: bytes) -> list[Row]:
    """Return the rows of a file. Raises BrokenFile."""
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise BrokenFile(f"This is no Parquet file: {error}") from error
    if not table.schema.equals(SCHEMA):
        raise BrokenFile("This Parquet file has other columns than an archive.")
    return [_row(values) for values in zip(*(one.to_pylist() for one in table), strict=True)]


def _row(values: tuple[Any, ...]) -> Row:
    row = Row(*values)
    return row._replace(
        stream_id=UUID(values[1]),
        event_id=UUID(values[3]),
        occurred_at=row.occurred_at.astimezone(UTC),
        recorded_at=row.recorded_at.astimezone(UTC),
    )


def digest(rows: Iterable[Row], *, organisation_id: UUID) -> bytes:
    """Return the digest of rows that the event store makes of its events: ``content_digest``."""
    link = b""
    for row in rows:
        link = hashlib.sha256(link + _content(row, organisation_id)).digest()
    return link


def _content(row: Row, organisation_id: UUID) -> bytes:
    return "\n".join(
        [
            str(organisation_id),
            str(row.stream_id),
            str(row.version),
            str(row.event_id),
            str(row.schema_version),
            _time(row.occurred_at),
            _time(row.recorded_at),
            row.type,
            row.data,
            row.metadata,
        ]
    ).encode()


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
