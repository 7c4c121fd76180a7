"""Questions about a consumer that is up to date are cheap, however many events there are."""

import json
from uuid import uuid4

import pytest
from django.db import connection

from eventstore import failures, lag
from eventstore.models import Checkpoint, StoredEvent

pytestmark = pytest.mark.django_db(transaction=True)

QUIET, EVENTS = 7, 20_000
# Half of the events come when the last partition is as busy as the others. Then it falls silent,
# until the very last one; and the planner's statistics are of all of them together.
FILL = """
INSERT INTO eventstore_storedevent (
    tenant_id, stream_id, partition, version, event_id,
    type, schema_version, data, occurred_at, metadata
)
SELECT md5(n::text)::uuid, %(stream)s, CASE WHEN n = %(events)s THEN %(quiet)s
    WHEN n < %(events)s / 2 THEN n %% 8 ELSE n %% 7 END, 1, gen_random_uuid(),
    'test.counted', 1, '{"by": 1}', now(), '{}'
FROM generate_series(1, %(events)s) AS n
"""


@pytest.fixture
def positions():
    """Return where a consumer stands in each partition that has only the last event to go."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"stream": uuid4(), "events": EVENTS, "quiet": QUIET})
        cursor.execute("ANALYZE eventstore_storedevent")
    newest = StoredEvent.objects.latest("position").position
    of_quiet = StoredEvent.objects.filter(partition=QUIET, position__lt=newest)
    positions = dict.fromkeys(range(8), newest) | {QUIET: of_quiet.latest("position").position}
    for partition, position in positions.items():
        Checkpoint.objects.create(consumer="tests", partition=partition, position=position)
    return positions


def rows_read(node):
    """Return how many events a plan has looked at."""
    looked = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    here = sum(node.get(name, 0) for name in looked) * node["Actual Loops"]
    is_scan = node.get("Relation Name", "").startswith("eventstore_storedevent")
    return (here if is_scan else 0) + sum(rows_read(inner) for inner in node.get("Plans", []))


def cost(statement, values):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        [[plan]] = cursor.fetchall()
    return rows_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])


@pytest.mark.parametrize("name", ["LAG", "LAGS", "BEHIND"])
def test_the_lag_of_who_is_up_to_date_reads_only_what_is_left(positions, name):
    wanted = {"consumers": ["tests"], "partitions": list(range(8)), "limit": None}
    assert cost(getattr(lag, name), wanted) < 10
    assert lag.lag(consumer="tests").events == 1
    assert lag.lag(consumer="tests", count_up_to=1).is_more
    assert [one.events for one in lag.lags(consumer="tests")] == [0] * QUIET + [1]
    assert lag.partitions_behind(consumer="tests") == [QUIET]


def test_the_next_event_of_a_quiet_partition_is_found_without_reading_the_others(positions):
    within = {"partition": QUIET, "after": positions[QUIET], "until": positions[0]}
    assert cost(failures.NEXT, within) < 10
    found = failures._next(**within)
    assert found
    assert found.position == positions[0]
