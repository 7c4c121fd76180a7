"""Fills a database with usage events, faster than any client could send them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from tests.benchmarks.usage.example import COUNTER, TIME

CHUNK = 1_000_000  # events in one transaction

# The event of a number is the organisation's whose turn it is. Ten a second are 864,000 a day.
HEADS = """
INSERT INTO eventstore_stream (tenant_id, stream_id, type, version)
SELECT tenant, md5(%(source)s)::uuid, 'usage', (%(events)s - n) / %(count)s + 1
FROM unnest(%(tenants)s::uuid[]) WITH ORDINALITY AS owner (tenant, n)
"""
EVENTS = """
INSERT INTO eventstore_storedevent (partition, tenant_id, stream_id, version, event_id, type,
    schema_version, data, metadata, occurred_at, position)
SELECT (%(shares)s::int[])[owner], tenant, md5(%(source)s)::uuid, n / %(count)s + 1,
    md5(%(source)s || n)::uuid, 'usage.recorded', 2, jsonb_build_object(
        'type', %(type)s, 'source', %(source)s, 'id', 'job-' || n, 'time', at, 'data',
        %(data)s::jsonb || jsonb_build_object(%(field)s, (n %% 977)::text || %(rest)s)
    ), '{"actor": "key benchkey"}', at, nextval('eventstore_position')
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
    LATERAL (SELECT (n %% %(count)s + 1)::int) AS turn (owner),
    LATERAL (SELECT (%(tenants)s::uuid[])[owner], %(time)s + n * interval '0.1 seconds')
        AS who (tenant, at)
ORDER BY n
"""

# Keys and indexes of the events: how each is dropped, and how it is made again.
INDEXES = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I %s',
        conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint
WHERE conrelid = 'eventstore_storedevent'::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT format('DROP INDEX %s', indexrelid::regclass),
    replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
FROM pg_index
WHERE indrelid = 'eventstore_storedevent'::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""

Connection = psycopg.Connection[tuple[Any, ...]]


def usage(
    url: str,
    *,
    tenants: list[str],
    partitions: int,
    events: int,
    type: str = COUNTER,
    start: datetime = TIME,
) -> None:
    """Store so many usage events of a new source; those of a level rise it by up to a kilobyte."""
    of_counter = type == COUNTER
    values = {
        "source": f"filled with {type}",
        "tenants": tenants,
        "shares": [int(tenant.replace("-", ""), 16) % partitions for tenant in tenants],
        "count": len(tenants),
        "events": events,
        "type": type,
        "data": '{"region": "eu-central", "node": "worker-17"}',
        "field": "seconds" if of_counter else "bytes",
        "rest": ".25" if of_counter else "",
        "time": start,
    }
    # Client-side values: SQL that runs once gains nothing from types that have to be guessed.
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(HEADS, values)
        with _without_indexes(connection):
            for first in range(0, events, CHUNK):
                last = min(first + CHUNK, events) - 1
                connection.execute(EVENTS, values | {"first": first, "last": last})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Make the indexes of the events once these are there: a fraction of the time for millions."""
    made = connection.execute(INDEXES).fetchall()
    for drop, _ in made:
        connection.execute(drop)
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")
    for _, make in made:
        connection.execute(make)
