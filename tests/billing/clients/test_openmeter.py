"""OpenMeter's client for Python, unchanged, against a real server."""

from datetime import UTC, datetime, timedelta

import pytest
from corehttp.exceptions import HttpResponseError
from openmeter import Client
from openmeter.models import Event, MeterCreate, MeterUpdate

NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)


def event(id, *, subject="acme", minutes=0, type="prompt", **data):
    return Event(
        id=id,
        source="tests",
        specversion="1.0",
        type=type,
        subject=subject,
        time=NOON + timedelta(minutes=minutes),
        data=data,
    )


@pytest.fixture
def openmeter(address, platform, acme):
    with Client(endpoint=address, token=platform) as client:
        yield client


@pytest.fixture
def tokens(openmeter):
    return openmeter.meters.create(
        MeterCreate(
            slug="tokens",
            aggregation="SUM",
            event_type="prompt",
            value_property="$.tokens",
            group_by={"model": "$.model"},
        )
    )


def test_sends_one_event_and_many_and_lists_them(openmeter):
    openmeter.events.ingest_event(event("1", tokens=1))
    openmeter.events.ingest_events([event("2", tokens=2), event("3", tokens="3")])
    openmeter.events.ingest_events_json(event("4", tokens=4))
    openmeter.events.ingest_event(event("1", tokens=1))  # again, which changes nothing
    listed = openmeter.events.list(subject="acme")
    assert sorted(one.event.id for one in listed) == ["1", "2", "3", "4"]
    assert all(one.validation_error for one in listed)  # no service counts them


def test_lists_events_page_by_page_and_filtered(openmeter):
    sent = [event(str(number), minutes=number, tokens=number) for number in range(5)]
    openmeter.events.ingest_events([*sent, event("x", minutes=9, type="other", tokens=1)])
    every = [one.event.id for one in openmeter.events_v2.list(limit=2)]
    assert every == ["x", "4", "3", "2", "1", "0"]
    # As JSON has it: the client's own classes of filters it cannot write itself.
    asked = {
        "type": {"$eq": "prompt"},
        "subject": {"$in": ["acme"]},
        "time": {
            "$gt": (NOON + timedelta(minutes=1)).isoformat(),
            "$lte": (NOON + timedelta(minutes=3)).isoformat(),
        },
    }
    found = [one.event.id for one in openmeter.events_v2.list(limit=1, filter=asked)]
    assert found == ["3", "2"]


def test_learns_why_an_event_is_refused(openmeter):
    with pytest.raises(HttpResponseError, match="no organisation 'nobody'") as caught:
        openmeter.events.ingest_event(event("1", subject="nobody", tokens=1))
    assert caught.value.status_code == 400


def test_makes_reads_changes_and_deletes_meters(openmeter, tokens):
    assert (tokens.slug, tokens.aggregation, tokens.group_by) == (
        "tokens",
        "SUM",
        {"model": "$.model"},
    )
    assert openmeter.meters.get("tokens").id == tokens.id
    changed = openmeter.meters.update("tokens", MeterUpdate(name="Tokens", group_by={}))
    assert (changed.name, changed.group_by) == ("Tokens", {})
    assert "tokens" in [meter.slug for meter in openmeter.meters.list()]
    with pytest.raises(HttpResponseError, match="AVG is not metered here"):
        openmeter.meters.create(
            MeterCreate(slug="average", aggregation="AVG", event_type="x", value_property="$.x")
        )


def test_deletes_a_meter(openmeter, tokens):
    openmeter.meters.delete("tokens")
    assert "tokens" not in [meter.slug for meter in openmeter.meters.list()]


def test_queries_in_json_and_csv(openmeter, tokens, fold):
    sent = [(0, 1, "a"), (1, 2, "b"), (61, 4, "a")]
    openmeter.events.ingest_events(
        [
            event(str(number), minutes=minutes, tokens=count, model=model)
            for number, (minutes, count, model) in enumerate(sent)
        ]
    )
    fold()
    query = openmeter.meters.query_json
    assert [row.value for row in query("tokens").data] == [7]
    span = {"from_parameter": NOON, "to": NOON + timedelta(hours=2)}
    result = query("tokens", window_size="HOUR", window_time_zone="Europe/Berlin", **span)
    assert [(row.value, row.window_start) for row in result.data] == [
        (3, NOON),
        (4, NOON + timedelta(hours=1)),
    ]
    assert (result.from_property, result.window_size) == (NOON, "HOUR")
    assert [row.value for row in query("tokens", filter_group_by={"model": "a"}).data] == [5]
    filters = {"model": {"$in": ["b"]}}
    found = query("tokens", advanced_meter_group_by_filters=filters, group_by=["model", "subject"])
    assert [(row.value, row.subject, row.group_by) for row in found.data] == [
        (2, "acme", {"model": "b"})
    ]
    assert openmeter.meters.query_csv("tokens").splitlines()[0] == "window_start,window_end,value"
