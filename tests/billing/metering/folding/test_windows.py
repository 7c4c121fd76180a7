"""The saga reads a window, and none of the events that its partition had before."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing.metering.folding import hours_sql, pieces, readings, zoning
from eventstore.models import StoredEvent
from eventstore.partition_reads import Window

pytestmark = pytest.mark.django_db(transaction=True)

PARTITION, EVENTS, NEW = 3, 20_000, 10
# Of one organisation: as many entries of one index as are to be passed over.
FILL = """
INSERT INTO eventstore_storedevent (
    tenant_id, stream_id, partition, version, event_id,
    type, schema_version, data, occurred_at, metadata
)
SELECT %s, %s, %s, n, gen_random_uuid(),
    'usage.recorded', 2, '{"type": "any", "data": {}}', now(), '{}'
FROM generate_series(1, %s) AS n
"""
PAGES = 10  # of 80 that name the partition's events in an index


@pytest.fixture
def window() -> Window:
    """Return the newest events of a partition, of which the planner knows those before."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, [uuid4(), uuid4(), PARTITION, EVENTS])
        cursor.execute("VACUUM (ANALYZE) eventstore_storedevent")
    positions = StoredEvent.objects.order_by("-position").values_list("position", flat=True)
    after, until = positions[NEW], positions[0]
    return Window(PARTITION, after, until, NEW, timezone.now())


def pages_read(statement: str, window: Window) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        readings.about(window, others=[])  # as the saga does, before it reads anything
        for _ in range(2):  # the first time, it reads of the catalog as well
            cursor.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}",
                {**window.bounds, "quarters": []},
            )
        [[found]] = cursor.fetchall()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT count(data) FROM {readings.WINDOW_EVENTS}",
        f"SELECT count(data) FROM {readings.WINDOW_EVENTS_AS_SENT}",
        pieces.OF_WINDOW,
        zoning.OF_WINDOW,
    ],
    ids=["usage", "usage as sent", "pieces", "zones"],
)
def test_a_window_costs_what_is_in_it(window: Window, statement: str) -> None:
    nothing = replace(window, partition=PARTITION + 1)  # as many indexes are asked, for no event
    assert pages_read(statement, window) - pages_read(statement, nothing) < PAGES


def test_no_table_of_events_is_read_as_a_whole_to_fold_a_window(window: Window) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1000")  # as dear as indexes of millions are
        statement = f"EXPLAIN SELECT count(data) FROM {readings.WINDOW_EVENTS}"
        cursor.execute(statement, window.bounds)
        before = str(cursor.fetchall())
        readings.about(window, others=[])
        cursor.execute(statement, window.bounds)
        since = str(cursor.fetchall())
    assert "Seq Scan on eventstore_storedevent" in before
    assert "Seq Scan on eventstore_storedevent" not in since


def test_a_window_is_added_up_without_being_sorted(window: Window) -> None:
    counted, elsewhere = readings._counted(PARTITION)
    [(sql, own)] = hours_sql.statements(
        counted,
        readings.WINDOW_EVENTS_AS_SENT,
        elsewhere=elsewhere,
        quarters=[],
        server=connection.connection.info.server_version,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        readings.about(window, others=[])
        cursor.execute(f"EXPLAIN {sql}", {**window.bounds, **own})
        plan = str(cursor.fetchall())
    assert "HashAggregate" in plan
    assert "Sort" not in plan
