"""What Prometheus reads, and who else may not."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from billing.metering.folding import saga
from billing.metering.ingesting import rate
from catacloud.accounts.api_keys import create_api_key
from catacloud.outages import Outage
from eventstore import feed, store
from eventstore.models import Checkpoint
from tests.billing.metering.examples import measured
from tests.billing.metering.sending import send

TOKEN = "a-long-token-of-prometheus"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def token(settings):
    settings.METRICS_TOKEN = TOKEN


def ask(client, token=TOKEN, **headers):
    return client.get("/metrics", headers={"Authorization": f"Bearer {token}", **headers})


def figures(client):
    """Return every sample, by its name and the values of its labels."""
    response = ask(client)
    assert response.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


class TestThePage:
    def test_does_not_exist_without_a_token(self, client):
        assert ask(client).status_code == 404

    def test_does_not_exist_for_an_empty_token(self, client):
        assert ask(client, token="").status_code == 404

    @pytest.mark.parametrize(
        "sent", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"]
    )
    def test_is_refused_to_who_does_not_know_it(self, client, token, sent):
        response = client.get("/metrics", headers={"Authorization": sent})
        assert response.status_code == 401
        assert response.headers["Content-Type"] == "application/problem+json"

    def test_takes_no_post(self, client, token):
        assert client.post("/metrics").status_code == 405

    @pytest.mark.django_db
    def test_speaks_openmetrics_to_who_asks_for_it(self, client, token):
        response = ask(client, Accept="application/openmetrics-text; version=1.0.0")
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        assert response.content.endswith(b"# EOF\n")


@pytest.mark.django_db(transaction=True)
class TestTheFigures:
    def test_follow_the_saga_of_a_partition(self, client, token, acme):
        partition = store.partition_of(acme.pk)
        here = (saga.CONSUMER, str(partition))
        measured(acme, "execution-time", [("1", NOON), ("2", NOON), ("4", NOON)])
        saga.advance(partition=partition, limit=2)
        first = figures(client)
        assert first["catacloud_consumer_events_handled_total", *here] == 2
        assert first["catacloud_consumer_lag_events", *here] > 0
        assert first["catacloud_consumer_lag_seconds", *here] > 0
        while saga.advance(partition=partition):
            pass
        then = figures(client)
        assert then["catacloud_consumer_events_handled_total", *here] > 2
        assert then["catacloud_consumer_lag_events", *here] == 0
        assert then["catacloud_consumer_lag_seconds", *here] == 0
        assert (
            then["catacloud_events_appended_total",] > first["catacloud_events_appended_total",] - 1
        )
        assert then["catacloud_feed_horizon_position",] == then["catacloud_events_appended_total",]
        assert then["catacloud_feed_held_seconds",] == 0

    def test_show_that_an_event_fails(self, client, token, acme, monkeypatch):
        def refuse(window):
            raise ValueError("no")

        measured(acme, "execution-time", [("1", NOON)])
        partition = store.partition_of(acme.pk)
        with pytest.raises(feed.PoisonedEvent):
            feed.consume(
                consumer=saga.CONSUMER, partition=partition, handle=feed.SetHandler(refuse)
            )
        failed = "catacloud_consumer_failed_attempts"
        assert figures(client)[failed, saga.CONSUMER, str(partition)] == 1

    def test_name_what_was_accepted_and_does_not_count(self, client, token, acme):
        at = timezone.now() - timedelta(days=3)
        send(acme, ("1", at, {}), ("2", at - timedelta(days=40), {}), kind="unheard.of")
        seconds = [{"seconds": "5"}, {"seconds": "many"}, None]
        usage = [(f"s{n}", at, data) for n, data in enumerate(seconds)]
        send(acme, *usage, kind="catacloud.execution.finished")
        while saga.advance(partition=store.partition_of(acme.pk)):
            pass
        found = figures(client)
        assert found["catacloud_events_uncounted", ""] == 1
        assert found["catacloud_events_uncounted", "execution-time"] == 2

    def test_are_asked_for_in_four_statements(self, client, token, acme, django_assert_num_queries):
        Checkpoint.objects.create(consumer=saga.CONSUMER, partition=0)
        with django_assert_num_queries(4):
            ask(client)


@pytest.mark.django_db
class TestTheDoor:
    EVENT: ClassVar = {"specversion": "1.0", "source": "s", "type": "t"}

    def count(self, client, send):
        """Return by how much each of the door's figures rises."""
        before = Counter(figures(client))
        send()
        after = Counter(figures(client))
        rises = {name: after[name] - before[name] for name in after if "ingest" in name[0]}
        return {name: number for name, number in rises.items() if number}

    def post(self, acme, *events, query=""):
        key = create_api_key(organisation=acme, name="tests", now=NOON)
        return Client().post(
            f"/api/v1/events{query}",
            [self.EVENT | event for event in events],
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )

    def test_counts_new_events_and_repeats(self, client, token, acme):
        found = self.count(client, lambda: self.post(acme, {"id": "1"}, {"id": "2"}, {"id": "1"}))
        assert found == {
            ("catacloud_ingest_requests_total", "204"): 1,
            ("catacloud_ingest_events_total", "accepted"): 2,
            ("catacloud_ingest_events_total", "repeated"): 1,
        }

    def test_counts_what_is_refused_by_its_reason(self, client, token, acme):
        self.post(acme, {"id": "1"})

        def send():
            self.post(acme, {"id": "1", "data": {"other": 1}})
            self.post(acme, {"id": ""}, {"id": "2"})
            self.post(acme, {"id": "1", "data": {}}, {"id": ""}, {"id": "3"}, query="?partial=true")

        assert self.count(client, send) == {
            ("catacloud_ingest_requests_total", "200"): 1,
            ("catacloud_ingest_requests_total", "400"): 1,
            ("catacloud_ingest_requests_total", "409"): 1,
            ("catacloud_ingest_events_total", "accepted"): 1,
            ("catacloud_ingest_events_total", "refused"): 4,
            ("catacloud_ingest_events_refused_total", "invalid"): 2,
            ("catacloud_ingest_events_refused_total", "conflict"): 2,
        }

    def test_counts_what_lagos_clients_send(self, client, token, acme):
        event = {"external_subscription_id": "acme", "code": "execution-time"}
        key = create_api_key(organisation=acme, name="tests", now=NOON)

        def send(*ids):
            Client().post(
                "/lago/api/v1/events/batch",
                {"events": [event | {"transaction_id": one} for one in ids]},
                content_type="application/json",
                headers={"Authorization": f"Bearer {key}"},
            )

        def send_good_and_bad():
            send("1", "2")
            send("2", "3")
            send("4", "")

        assert self.count(client, send_good_and_bad) == {
            ("catacloud_ingest_requests_total", "200"): 2,
            ("catacloud_ingest_requests_total", "422"): 1,
            ("catacloud_ingest_events_total", "accepted"): 3,
            ("catacloud_ingest_events_total", "repeated"): 1,
            ("catacloud_ingest_events_total", "refused"): 1,
            ("catacloud_ingest_events_refused_total", "invalid"): 1,
        }

    def test_takes_usage_and_answers_while_valkey_is_away(
        self, client, token, acme, settings, monkeypatch
    ):
        settings.REDIS_URL = "redis://127.0.0.1:1"
        monkeypatch.setattr(rate, "valkey", Outage())
        assert self.post(acme, {"id": "1"}).status_code == 204
        assert not [name for name in figures(client) if "ingest" in name[0]]
