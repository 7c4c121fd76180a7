"""The worker that measures the raw limit: psycopg and the least SQL with the same guarantees."""

import os
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import msgspec
import psycopg

from eventstore.events import Metadata, RecordedEvent, StreamKey, type_of
from tests.benchmarks.eventstore.example import (
    DATA,
    EVENT,
    NOW,
    PARTITIONS,
    Metered,
    arrivals,
    key_of,
    new_key,
    partition_of,
)
from tests.benchmarks.workers import Reply, counted, repeated, serve

CHUNK = 2000  # rows
NAME, SCHEMA = type_of(EVENT)

# The update of the stream is lock and advance at once; what follows fails the call as a whole.
CREATE = """
CREATE FUNCTION raw_append(
    smallint, uuid, uuid, text, bigint, uuid, text, smallint, text, timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE reached bigint;
BEGIN
    UPDATE eventstore_stream SET version = version + 1
        WHERE tenant_id = $2 AND stream_id = $3 RETURNING version INTO reached;
    IF NOT FOUND THEN
        INSERT INTO eventstore_stream AS stream (tenant_id, stream_id, type, version)
            VALUES ($2, $3, $4, 1)
            ON CONFLICT (tenant_id, stream_id) DO UPDATE SET version = stream.version + 1
            RETURNING version INTO reached;
    END IF;
    IF reached <> $5 + 1 THEN
        RAISE EXCEPTION 'The stream stood at %, not %.', reached - 1, $5;
    END IF;
    INSERT INTO eventstore_storedevent (partition, tenant_id, stream_id, version, event_id, type,
        schema_version, data, metadata, occurred_at, position)
    VALUES ($1, $2, $3, reached, $6, $7, $8, $9::jsonb, '{}', $10, nextval('eventstore_position'));
    RETURN reached;
END $$
"""
APPEND = "SELECT raw_append(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
ADVANCE = """
INSERT INTO eventstore_stream AS stream (tenant_id, stream_id, type, version)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[]) ORDER BY 1, 2
ON CONFLICT (tenant_id, stream_id) DO UPDATE SET version = stream.version + excluded.version
"""
POSITIONS = "SELECT nextval('eventstore_position') FROM generate_series(1, %s)"
COPY = """
COPY eventstore_storedevent (partition, tenant_id, stream_id, version, event_id, type,
    schema_version, data, metadata, occurred_at, position) FROM STDIN
"""
COLUMNS = """
SELECT tenant_id, stream_id, version, position, event_id, occurred_at, recorded_at, metadata::text,
    data::text
FROM eventstore_storedevent
"""
READ = f"{COLUMNS} WHERE tenant_id = %s AND stream_id = %s ORDER BY version"
FEED = f"{COLUMNS} WHERE partition = %s ORDER BY position"

# One plan for all values, as our side has: to plan each call anew would be no limit.
connection = psycopg.connect(
    os.environ["DATABASE_URL"],
    autocommit=True,
    options="-c plan_cache_mode=force_generic_plan",
)


def hello(writer: int) -> Reply:
    return {}


def create(writer: int) -> Reply:
    connection.execute(CREATE)
    return {}


def single(writer: int, seconds: float) -> Reply:
    key, version = new_key(), 0

    def work() -> None:
        nonlocal version
        _append(key, version)
        version += 1

    return repeated(work, seconds=seconds)


def shared(writer: int, seconds: float, stream: int) -> Reply:
    key = key_of(stream)
    return repeated(lambda: _append(key, None), seconds=seconds)


def _append(key: StreamKey, expected: int | None) -> None:
    tenant, stream = key.tenant_id, key.stream_id
    event = (uuid4(), NAME, SCHEMA, DATA, NOW)
    values = (partition_of(tenant), tenant, stream, key.type, expected, *event)
    connection.execute(APPEND, values, prepare=True)


def batch(writer: int, events: int) -> Reply:
    given = [(new_key(), [uuid4() for _ in range(events)])]
    return counted(lambda: _copy(given))


def bulk(writer: int, events: int, streams: int) -> Reply:
    """Copy what is new; to find that out is not its task."""
    new: dict[StreamKey, dict[Any, None]] = {}
    for key, event_id in arrivals(events=events, streams=streams):
        new.setdefault(key, {})[event_id] = None
    return counted(lambda: _copy([(key, list(ids)) for key, ids in new.items()]))


def _copy(given: list[tuple[StreamKey, list[Any]]]) -> int:
    """Lock and advance streams that are new, take positions, and copy: one transaction."""
    heads = [(key.tenant_id, key.stream_id, key.type, len(ids)) for key, ids in given]
    total = sum(len(ids) for _, ids in given)
    with connection.transaction(), connection.cursor(binary=True) as cursor:
        cursor.execute(ADVANCE, [list(column) for column in zip(*heads, strict=True)])
        cursor.execute(POSITIONS, [total])
        positions = (position for (position,) in cursor.fetchall())
        with cursor.copy(COPY) as copy:
            for key, ids in given:
                copy.write("".join(_lines(key, ids, positions)))
    return total


def _lines(key: StreamKey, ids: list[Any], positions: Iterator[int]) -> Iterable[str]:
    """COPY's text format, written by hand: faster than psycopg's rows in either format."""
    head = f"{partition_of(key.tenant_id)}\t{key.tenant_id}\t{key.stream_id}"
    for version, event_id in enumerate(ids, 1):
        event = f"{version}\t{event_id}\t{NAME}\t{SCHEMA}\t{DATA}"
        yield f"{head}\t{event}\t{{}}\t{NOW}\t{next(positions)}\n"


def read(writer: int, stream: int) -> Reply:
    key = key_of(stream)
    return counted(lambda: _read(READ, [key.tenant_id, key.stream_id]))


def consume(writer: int, consumer: str) -> Reply:
    """Read what the feed reads, without a horizon and a checkpoint."""
    return counted(lambda: sum(_read(FEED, [partition]) for partition in range(PARTITIONS)))


def _read(query: str, values: list[Any]) -> int:
    done = 0
    with connection.transaction(), connection.cursor("raw", binary=True) as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(CHUNK):
            for row in rows:
                _decode(*row)
            done += len(rows)
    return done


decode_event = msgspec.json.Decoder(Metered).decode
decode_metadata = msgspec.json.Decoder(Metadata).decode


def _decode(
    tenant, stream, version, position, event_id, occurred, recorded, metadata, data
) -> RecordedEvent:
    return RecordedEvent(
        tenant_id=tenant,
        stream_id=stream,
        version=version,
        position=position,
        event_id=event_id,
        occurred_at=occurred,
        recorded_at=recorded,
        metadata=decode_metadata(metadata),
        event=decode_event(data),
    )


if __name__ == "__main__":
    commands = (hello, create, single, shared, batch, bulk, read, consume)
    serve({command.__name__: command for command in commands})
