"""Lago's clients, by another address alone."""

import time
from datetime import UTC, datetime

import pytest
from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models import BatchEvent, Event

from billing.metering.models import Service
from tests.factories import make_plan, make_subscription

NOW = str(int(time.time()))


@pytest.fixture
def priced(acme):
    """Acme pays 0.70 EUR for an hour of execution time."""
    service = Service.objects.get(slug="execution-time")
    make_subscription(organisation=acme, plan_version=make_plan(prices={service: [(None, "0.70")]}))


def event(id, **more):
    fields = {
        "transaction_id": id,
        "external_subscription_id": "acme",
        "code": "execution-time",
        "timestamp": NOW,
        "properties": {"seconds": "5400"},
    }
    return fields | more


class TestForPython:
    @pytest.fixture
    def lago(self, address, own):
        return Client(api_key=own, api_url=f"{address}/lago/")

    def test_sends_an_event_and_finds_it(self, lago):
        sent = lago.events.create(Event(**event("1")))
        assert (sent.transaction_id, sent.code) == ("1", "execution-time")
        assert lago.events.find("1").properties == {"seconds": "5400"}

    def test_is_told_that_a_transaction_exists(self, lago):
        lago.events.create(Event(**event("1")))
        with pytest.raises(LagoApiError) as caught:
            lago.events.create(Event(**event("1")))
        assert caught.value.status_code == 422
        assert caught.value.response["error_details"] == {"transaction_id": ["value_already_exist"]}

    def test_sends_a_batch_again_after_a_part_of_it_arrived(self, lago):
        lago.events.create(Event(**event("1")))
        batch = BatchEvent(events=[Event(**event(id)) for id in ("1", "2")])
        for _ in range(2):
            lago.events.batch_create(batch)
        assert lago.events.find("2").transaction_id == "2"

    def test_reads_the_current_usage(self, lago, priced, fold):
        lago.events.batch_create(BatchEvent(events=[Event(**event(id)) for id in ("1", "2")]))
        fold()
        usage = lago.customers.current_usage("acme", "acme")
        [charge] = usage.charges_usage
        assert (usage.currency, usage.amount_cents) == ("EUR", 210)
        assert (charge.units, charge.events_count) == ("3", 2)
        assert charge.billable_metric.code == "execution-time"
        assert usage.from_datetime[:7] == datetime.now(UTC).strftime("%Y-%m")

    def test_learns_that_something_is_not_served(self, lago):
        with pytest.raises(LagoApiError) as caught:
            lago.plans.find_all()
        assert caught.value.status_code == 501
        assert caught.value.response["code"] == "not_implemented"


def test_for_javascript_sends_and_reads(node, priced, fold):
    sent, batch, again, found = node.call(
        "lago",
        ("events.createEvent", {"event": event("1", timestamp=int(NOW))}),
        ("events.createBatchEvents", {"events": [event("1", timestamp=int(NOW)), event("2")]}),
        ("events.createEvent", {"event": event("2")}),
        ("events.findEvent", "1"),
    )
    assert sent["event"]["transaction_id"] == "1", sent
    assert [one["transaction_id"] for one in batch["events"]] == ["1", "2"]
    assert again["thrown"]["status"] == 422
    assert found["event"]["code"] == "catacloud.execution.finished"
    fold()
    usage, listed = node.call(
        "lago",
        ("customers.findCustomerCurrentUsage", "acme", {"external_subscription_id": "acme"}),
        ("events.findAllEvents", {"external_subscription_id": "acme"}),
    )
    assert usage["customer_usage"]["amount_cents"] == 210
    assert listed["meta"]["total_count"] == 2
