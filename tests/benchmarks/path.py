"""The main path, layer by layer: append, ingestion, saga. Bars come with each layer's own issue."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
from django.db import connection

from billing.metering import ingestion, saga
from catacloud.accounts.models import ApiKey
from catacloud.accounts.organisations import create_missing
from eventstore import feed, store
from eventstore.store import Append
from tests.benchmarks.harness import Measure, Options, compare, timed
from tests.eventstore.examples import counted, stream

APPENDS, EVENTS, BATCH, ORGANISATIONS = 500, 20_000, 1000, 50
NOW = datetime.now(UTC)

APPEND_RAW = """
WITH head AS (
    INSERT INTO eventstore_stream AS stream VALUES (%(tenant)s, %(stream)s, 'raw', 1)
    ON CONFLICT (tenant_id, stream_id) DO UPDATE SET version = stream.version + 1
    RETURNING version
)
INSERT INTO eventstore_storedevent (partition, tenant_id, stream_id, version, event_id, type,
    schema_version, data, metadata, occurred_at, position)
SELECT 0, %(tenant)s, %(stream)s, version, %(event)s, 'raw', 1, '{"by": 1}', '{}', now(),
    nextval('eventstore_position')
FROM head
"""
COLUMNS = (
    "partition, tenant_id, stream_id, version, event_id, type, schema_version, data, metadata, "
    "occurred_at, position"
)
TAKE_POSITIONS = "SELECT setval('eventstore_position', nextval('eventstore_position') + %s)"
COPY_RAW = f"COPY eventstore_storedevent ({COLUMNS}) FROM STDIN"
FOLD_RAW = """
SELECT tenant_id, occurred_at::date, sum((data->>'quantity')::numeric), count(*)
FROM eventstore_storedevent WHERE type = 'usage.recorded' GROUP BY 1, 2
"""


def run(options: Options) -> Iterator[Measure]:
    create_missing((f"o{n}" for n in range(ORGANISATIONS)), now=NOW)
    yield compare("saga, counters", "events/s", ours=_fold, raw=timed(_group_by))
    yield compare(
        "ingestion, batches of 1000", "events/s", ours=timed(_ingest_more), raw=timed(_copy)
    )
    yield compare(
        "single appends, 1 writer", "events/s", ours=timed(_append), raw=timed(_append_raw)
    )


def _append(run: int) -> int:
    key = stream()
    for _ in range(APPENDS):
        store.append([Append(key=key, events=[counted()])])
    return APPENDS


def _append_raw(run: int) -> int:
    tenant, stream_id = uuid4(), uuid4()
    with connection.cursor() as cursor:
        for _ in range(APPENDS):
            what = {"tenant": tenant, "stream": stream_id, "event": uuid4()}
            cursor.cursor.execute(APPEND_RAW, what, prepare=True)  # psycopg's own cursor
    return APPENDS


def _events(run: int) -> Iterator[dict[str, object]]:
    for n in range(EVENTS):
        yield {
            "specversion": "1.0",
            "id": f"{run}/{n}",
            "source": "bench",
            "type": "catacloud.execution.finished",
            "subject": f"o{n % ORGANISATIONS}",
            "time": NOW,
            "data": {"seconds": f"{n % 977}.25"},
        }


def _ingest(run: int) -> int:
    events = list(_events(run))
    for start in range(0, EVENTS, BATCH):
        body = msgspec.json.encode(events[start : start + BATCH])
        ingestion.accept(ingestion.parse(body), key=ApiKey(prefix="bench"), now=NOW)
    return EVENTS


def _ingest_more(run: int) -> int:
    return _ingest(run + 100)  # ids that were not sent before


def _copy(run: int) -> int:
    """Copy as many rows, of the same size."""
    tenants = [UUID(int=n) for n in range(ORGANISATIONS)]
    streams = [uuid4() for _ in tenants]
    with connection.cursor() as cursor:
        cursor.execute(TAKE_POSITIONS, [EVENTS])
        (last,) = cursor.fetchone()
        with cursor.copy(COPY_RAW) as copy:
            for n, event in enumerate(_events(run)):
                owner = n % ORGANISATIONS
                data = msgspec.json.encode(event).decode()
                version = n // ORGANISATIONS + 1
                identity = (0, tenants[owner], streams[owner], version, uuid4(), "test.counted", 1)
                copy.write_row((*identity, '{"by": 1}', data, NOW, last - EVENTS + n + 1))
    return EVENTS


def _fold(run: int) -> float:
    _ingest(run)  # not timed
    return timed(_advance)(run)


def _advance(run: int) -> int:
    folded = 0
    for partition in feed.partitions():
        while done := saga.advance(partition=partition):
            folded += done
    return folded


def _group_by(run: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FOLD_RAW)
        return sum(count for *_, count in cursor.fetchall())
