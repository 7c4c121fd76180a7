"""Archives as Parquet files: events as they are stored, a row each, and back. Pure.

Anything that reads Parquet can read them: ``data`` and ``metadata`` are JSON as text, and times are
in UTC. The file's own metadata name the organisation, the month and the digest of its rows. Rows
come and go by the portion: not all of a file are in memory at a time.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

ROWS_DIGEST = "catacloud.rows_sha256"
AT_A_TIME = 1000  # rows


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


class Encoded(NamedTuple):
    """A file, and what its rows are: their positions, from when to when, and their digest."""

    content: bytes
    positions: Sequence[int]
    first_at: datetime
    last_at: datetime
    digest: bytes


def encode(rows: Iterable[Row], *, organisation_id: UUID, about: dict[str, str]) -> Encoded | None:
    """Return a file of the rows, None where there are none; ``about`` is noted in it.

    The same rows make the same file.
    """
    import pyarrow as pa  # 60 MB, that a worker has only once something is archived
    import pyarrow.parquet as pq

    notes = {f"catacloud.{name}": value for name, value in about.items()}
    schema = _schema().with_metadata(notes)
    sink, positions, digest = pa.BufferOutputStream(), list[int](), b""
    times: set[datetime] = set()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for some in portions(rows):
            digest = link(digest, some, organisation_id=organisation_id)
            positions += [row.position for row in some]
            times |= {row.occurred_at for row in some}
            times = {min(times), max(times)}
            writer.write_table(_table(some, schema))
        writer.add_key_value_metadata({ROWS_DIGEST: digest.hex()})
    if not positions:
        return None
    return Encoded(sink.getvalue().to_pybytes(), positions, min(times), max(times), digest)


def _table(rows: Sequence[Row], schema: Any) -> Any:
    import pyarrow as pa

    arrays = [
        pa.array([str(one) for one in column] if kind == pa.string() else column, kind)
        for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def decode(content: bytes) -> Iterator[Row]:
    """Yield the rows of a file. Raises BrokenFile."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        if not file.schema_arrow.equals(_schema()):
            raise BrokenFile("This Parquet file has other columns than an archive.")
        for some in file.iter_batches(AT_A_TIME, use_threads=False):
            yield from map(_row, zip(*(one.to_pylist() for one in some.columns), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise BrokenFile(f"This is no Parquet file: {error}") from error


def _row(values: tuple[Any, ...]) -> Row:
    row = Row(*values)
    return row._replace(
        stream_id=UUID(values[1]),
        event_id=UUID(values[3]),
        occurred_at=row.occurred_at.astimezone(UTC),
        recorded_at=row.recorded_at.astimezone(UTC),
    )


def portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows by as many as are in memory at a time."""
    rows = iter(rows)
    while some := list(islice(rows, AT_A_TIME)):
        yield some


def link(before: bytes, rows: Iterable[Row], *, organisation_id: UUID) -> bytes:
    """Return the digest of rows after those of another digest, which is empty for none.

    It is the one that the event store makes of its events: ``content_digest``.
    """
    for row in rows:
        before = hashlib.sha256(before + _content(row, organisation_id)).digest()
    return before


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


@cache
def _schema() -> Any:
    import pyarrow as pa

    time = pa.timestamp("us", tz="UTC")
    kinds = {
        "position": pa.int64(),
        "stream_id": pa.string(),
        "version": pa.int64(),
        "event_id": pa.string(),
        "type": pa.string(),
        "schema_version": pa.int16(),
        "occurred_at": time,
        "recorded_at": time,
        "data": pa.string(),
        "metadata": pa.string(),
    }
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])
