"""OpenMeter's client for JavaScript, unchanged, against a real server."""

from datetime import UTC, datetime, timedelta

METER = {
    "slug": "tokens",
    "aggregation": "SUM",
    "eventType": "prompt",
    "valueProperty": "$.tokens",
    "groupBy": {"model": "$.model"},
}


def test_sends_events_and_reads_what_they_come_to(node, acme, fold):
    event = {"type": "prompt", "subject": "acme", "data": {"tokens": 2, "model": "a"}}
    # A time of its own, for the client would give each the time at which it is sent, and an event
    # that comes again has that of before.
    other = event | {"time": datetime.now(UTC).isoformat(), "data": {"tokens": "3", "model": "b"}}
    more = [other | {"id": id} for id in ("1", "2", "1")]
    meter, one, many = node.call(
        "openmeter",
        ("meters.create", METER),
        ("events.ingest", event),
        ("events.ingest", more),
    )
    assert meter["slug"] == "tokens", meter
    assert (one, many) == (None, None)
    fold()
    first = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    listed, total, filtered, grouped, posted, values, missing = node.call(
        "openmeter",
        ("events.list", {"subject": "acme"}),
        ("meters.query", "tokens"),
        ("meters.query", "tokens", {"filterGroupBy": {"model": "b"}, "windowSize": "DAY"}),
        ("meters.query", "tokens", {"groupBy": ["model", "subject"], "from": first}),
        ("meters.queryPost", "tokens", {"filterGroupBy": {"model": ["a"]}}),
        ("meters.listGroupByValues", "tokens", "model"),
        ("meters.get", "nothing"),
    )
    assert len(listed) == 3
    assert [row["value"] for row in total["data"]] == [8]
    assert [row["value"] for row in filtered["data"]] == [6]
    assert {row["groupBy"]["model"]: row["value"] for row in grouped["data"]} == {"a": 2, "b": 6}
    assert [row["value"] for row in posted["data"]] == [2]
    assert values == ["a", "b"]
    assert missing["thrown"]["status"] == 404
