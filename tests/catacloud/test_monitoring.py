"""What Prometheus reads, and who else may not."""

from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from billing.metering import saga
from eventstore import feed, store
from eventstore.models import Checkpoint
from tests.billing.metering.examples import measured

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

    def test_are_asked_for_in_three_statements(
        self, client, token, acme, django_assert_num_queries
    ):
        Checkpoint.objects.create(consumer=saga.CONSUMER, partition=0)
        with django_assert_num_queries(3):
            ask(client)
