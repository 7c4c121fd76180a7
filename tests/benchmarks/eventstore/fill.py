"""Fills a database with streams, faster than any client could append."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import psycopg

from eventstore.events import type_of
from tests.benchmarks.eventstore.example import DATA, EVENT, NOW, PARTITIONS, TENANTS, Meter

SAVED_EVERY = 100  # events: the default policy

# Stream after stream, in the order of the keys: the indexes grow at their ends, which is fast.
STREAMS = """
INSERT INTO eventstore_stream (tenant_id, stream_id, type, version)
SELECT lpad(to_hex(n %% %(tenants)s), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, %(kind)s,
    %(each)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
EVENTS = """
INSERT INTO eventstore_storedevent (partition, tenant_id, stream_id, version, event_id, type,
    schema_version, data, metadata, occurred_at, position)
SELECT n %% %(tenants)s %% %(partitions)s, lpad(to_hex(n %% %(tenants)s), 32, '0')::uuid,
    lpad(to_hex(n), 32, '0')::uuid, version, gen_random_uuid(), %(type)s,
    %(schema)s, %(data)s::jsonb, '{}', %(now)s, nextval('eventstore_position')
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
    generate_series(1, %(each)s::bigint) AS version
"""
# What rows of a new table are looked up by: left out while it is filled, and built after that.
TABLE = "eventstore_storedevent"
LEFT_OUT = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
        pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT format('DROP INDEX %%s', indexrelid::regclass),
    replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
FROM pg_index WHERE indrelid = %(table)s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
MANY = 1_000_000  # events: fewer are there before the indexes of what is there would be built anew

# The policy has saved the state at the last multiple; shorter streams have none.
SNAPSHOTS = """
INSERT INTO eventstore_snapshot (tenant_id, stream_id, version, state_version, state)
SELECT lpad(to_hex(n %% %(tenants)s), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, %(saved)s,
    %(state_version)s, jsonb_build_object('total', %(saved)s)
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n WHERE %(saved)s > 0
"""


def streams(url: str, *, each: int, first: int = 0, count: int = 1) -> None:
    """Add streams of the numbers from ``first`` on, with as many events each."""
    name, schema = type_of(EVENT)
    values = {
        "first": first,
        "last": first + count - 1,
        "each": each,
        "saved": each - each % SAVED_EVERY,
        "state_version": Meter.state_version,
        "tenants": TENANTS,
        "partitions": PARTITIONS,
        "kind": Meter.stream_type,
        "type": name,
        "schema": schema,
        "data": DATA,
        "now": NOW,
    }
    # Client-side values: SQL that runs once gains nothing from types that have to be guessed.
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(STREAMS, values)
        with _indexes_after(connection) if count * each >= MANY else nullcontext():
            connection.execute(EVENTS, values)
        connection.execute(SNAPSHOTS, values)


@contextmanager
def _indexes_after(connection: psycopg.Connection) -> Iterator[None]:
    """Build the indexes of events when all are there, which takes a fraction of the time."""
    connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
    both = connection.execute(LEFT_OUT, {"table": TABLE}).fetchall()
    for drop, _ in both:
        connection.execute(drop)
    yield
    for _, build in both:
        connection.execute(build)


def settle(url: str) -> None:
    """Do now what PostgreSQL would else do while it is measured."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
