"""Lago's clients, by another address alone."""

import time
from datetime import UTC, datetime
from importlib import import_module

import pytest

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
    def client(self):
        """Its package: to load it takes a second, and only one of pytest's workers needs it."""
        return import_module("lago_python_client.client")

    @pytest.fixture
    def shapes(self, client):
        return import_module("lago_python_client.models")

    @pytest.fixture
    def lago(self, client, address, own):
        return client.Client(api_key=own, api_url=f"{address}/lago/")

    @pytest.fixture
    def refused(self, client):
        """Return what catches an error of it."""
        kind = import_module("lago_python_client.exceptions").LagoApiError
        return lambda: pytest.raises(kind)

    @pytest.fixture
    def shaped(self, shapes):
        """Return what makes an event of its own class."""
        return lambda id: shapes.Event(**event(id))

    def test_sends_an_event_and_finds_it(self, lago, shaped):
        sent = lago.events.create(shaped("1"))
        assert (sent.transaction_id, sent.code) == ("1", "execution-time")
        assert lago.events.find("1").properties == {"seconds": "5400"}

    def test_is_told_that_a_transaction_exists(self, lago, shaped, refused):
        lago.events.create(shaped("1"))
        with refused() as caught:
            lago.events.create(shaped("1"))
        assert caught.value.status_code == 422
        assert caught.value.response["error_details"] == {"transaction_id": ["value_already_exist"]}

    def test_sends_a_batch_again_after_a_part_of_it_arrived(self, lago, shapes, shaped):
        lago.events.create(shaped("1"))
        batch = shapes.BatchEvent(events=[shaped(id) for id in ("1", "2")])
        for _ in range(2):
            lago.events.batch_create(batch)
        assert lago.events.find("2").transaction_id == "2"

    def test_reads_the_current_usage(self, lago, shapes, shaped, priced, fold):
        lago.events.batch_create(shapes.BatchEvent(events=[shaped(id) for id in ("1", "2")]))
        fold()
        usage = lago.customers.current_usage("acme", "acme")
        [charge] = usage.charges_usage
        assert (usage.currency, usage.amount_cents) == ("EUR", 210)
        assert (charge.units, charge.events_count) == ("3", 2)
        assert charge.billable_metric.code == "execution-time"
        assert usage.from_datetime[:7] == datetime.now(UTC).strftime("%Y-%m")

    def test_learns_that_something_is_not_served(self, lago, refused):
        with refused() as caught:
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
