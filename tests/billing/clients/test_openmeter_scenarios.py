"""OpenMeter's own black-box scenarios of queries, from its folder e2e, asked by its client.

TestQuery and TestQueryDSTTransition, and the query of TestDedupe. How events are ingested, and
which are invalid, is in tests/billing/metering. What differs: a value in CSV is exact, 2000 and not
2000.000000; and an id that is sent again has the same content, for with another one it is refused.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from openmeter import Client
from openmeter.models import Event, MeterCreate, MeterQueryRequest

from tests.factories import make_organisation

CUSTOMERS = [f"customer-{number}" for number in range(1, 6)]
TIMESTAMP = datetime(2024, 2, 28, tzinfo=UTC)  # theirs is random, and a midnight
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def openmeter(address, platform):
    for name in (*CUSTOMERS, "customer-dst"):
        make_organisation(name)
    with Client(endpoint=address, token=platform) as client:
        client.meters.create(
            MeterCreate(
                slug="query",
                event_type="query",
                value_property="$.duration_ms",
                aggregation="SUM",
                group_by={"method": "$.method", "path": "$.path"},
            )
        )
        client.meters.create(MeterCreate(slug="dedupe", event_type="dedupe", aggregation="COUNT"))
        yield client


def event(subject, time, *, id=None, type="query", **data):
    return Event(
        id=id or str(uuid4()),
        source="my-app",
        specversion="1.0",
        type=type,
        subject=subject,
        time=time,
        data=data,
    )


@pytest.fixture
def queried(openmeter, fold):
    """Each customer's event of 100 ms at a midnight, a minute, an hour and a day after it."""
    ways = [("GET", "/"), ("POST", "/about"), ("GET", "/users"), ("PUT", "/contact")]
    openmeter.events.ingest_events(
        [
            event(subject, TIMESTAMP + after, duration_ms="100", method=method, path=path)
            for after, (method, path) in zip((timedelta(0), MINUTE, HOUR, DAY), ways, strict=True)
            for subject in CUSTOMERS
        ]
    )
    fold()
    return openmeter.meters


def rows(result):
    return [(row.value, row.window_start, row.window_end) for row in result.data]


def test_query_total(queried):
    result = queried.query_json("query")
    assert rows(result) == [(5 * 4 * 100, TIMESTAMP, TIMESTAMP + DAY + MINUTE)]
    assert (result.data[0].subject, result.data[0].group_by) == (None, {})
    assert (result.from_property, result.to, result.window_size) == (None, None, None)


@pytest.mark.parametrize(
    ("size", "length", "expected"),
    [
        ("MINUTE", MINUTE, [(1, 0 * DAY), (1, MINUTE), (1, HOUR), (1, DAY)]),
        ("HOUR", HOUR, [(2, 0 * DAY), (1, HOUR), (1, DAY)]),
        ("DAY", DAY, [(3, 0 * DAY), (1, DAY)]),
    ],
)
def test_query_window_size(queried, size, length, expected):
    assert rows(queried.query_json("query", window_size=size)) == [
        (5 * times * 100, TIMESTAMP + after, TIMESTAMP + after + length)
        for times, after in expected
    ]


def test_query_subject(queried):
    result = queried.query_json("query", subject=CUSTOMERS[:2])
    whole = (400, TIMESTAMP, TIMESTAMP + DAY + MINUTE)
    assert rows(result) == [whole, whole]
    assert [row.subject for row in result.data] == CUSTOMERS[:2]


def test_query_post_json(queried):
    assert rows(queried.query("query", MeterQueryRequest())) == [
        (5 * 4 * 100, TIMESTAMP, TIMESTAMP + DAY + MINUTE)
    ]


def test_query_csv(queried):
    assert queried.query_csv("query") == (
        "window_start,window_end,value\n2024-02-28T00:00:00Z,2024-02-29T00:01:00Z,2000\n"
    )


@pytest.mark.parametrize("first", [datetime(2025, 3, 6), datetime(2025, 10, 30)])  # noqa: DTZ001
def test_query_dst_transition(openmeter, fold, first):
    zone = ZoneInfo("America/Los_Angeles")
    midnights = [(first + timedelta(days=day)).replace(tzinfo=zone) for day in range(8)]
    openmeter.events.ingest_events(
        [
            event("customer-dst", start.replace(hour=10), duration_ms="100")
            for start in midnights[:7]
        ]
    )
    fold()
    result = openmeter.meters.query_json(
        "query",
        subject=["customer-dst"],
        window_size="DAY",
        window_time_zone="America/Los_Angeles",
        from_parameter=midnights[0],
        to=midnights[7],
    )
    assert rows(result) == [(100, start, end) for start, end in pairwise(midnights)]


def test_dedupe(openmeter, fold):
    again = event("customer-1", TIMESTAMP, id="52f44f66-020f-4fa9-a733-102a8ef6f515", type="dedupe")
    for _ in range(20):
        openmeter.events.ingest_event(again)
    openmeter.events.ingest_events([again] * 1000)
    fold()
    assert [row.value for row in openmeter.meters.query_json("dedupe").data] == [1]
