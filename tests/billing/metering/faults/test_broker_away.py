"""Valkey hangs, is gone, and comes back empty: usage is taken as ever, and the saga catches up."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from catacloud.accounts.api_keys import create_api_key
from tests.billing.metering.faults import usage
from tests.billing.metering.faults.workers import beat, worker
from tests.crashing import own_servers
from tests.eventstore.servers import until
from tests.webserver import serve

REQUESTS = 30  # in each state of the broker
USUAL = 0.1  # seconds that a request takes at most, on a busy machine too
PATIENCE = 2.0  # that a web worker's one request may wait, of all that come in five seconds
JSON = "application/cloudevents-batch+json"


@pytest.fixture
def servers():
    with own_servers() as servers:
        servers.start_valkey()
        yield servers


@pytest.fixture
def environment(servers):
    return {
        "REDIS_URL": servers.redis_url,
        "INGEST_EVENTS_PER_SECOND": "100000",
    }


class Sender:
    """Sends one request after another, each with an event, and times them."""

    def __init__(self, port: int, key: str, bodies: Iterator[bytes]) -> None:
        self.http, self.bodies = HTTPConnection("127.0.0.1", port, timeout=30), bodies
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": JSON}

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def send(self) -> list[float]:
        return sorted(self._send(next(self.bodies)) for _ in range(REQUESTS))

    def _send(self, body: bytes) -> float:
        start = time.perf_counter()
        self.http.request("POST", "/api/v1/events", body, self.headers)
        response = self.http.getresponse()
        assert response.status == 204, response.read()
        response.read()
        return time.perf_counter() - start


@pytest.mark.django_db(transaction=True)
def test_no_request_waits_for_a_broker_that_is_away_and_no_event_is_forgotten(
    servers, environment, tmp_path
):
    usage.prepare()
    bodies = usage.bodies(5 * REQUESTS, batch=1)
    key = create_api_key(organisation=None, name="tests", now=usage.NOW)
    with (
        serve(blob_root=tmp_path, workers_folder=tmp_path / "web", environment=environment) as web,
        worker(tmp_path, environment=environment),
        beat(tmp_path, environment=environment),
        Sender(web.port, key, bodies) as sender,
    ):
        sender.send()
        until(usage.is_up_to_date, 60)

        servers.stop_valkey()
        hanging = sender.send()
        servers.resume_valkey()
        until(usage.is_up_to_date, 60)

        servers.kill_valkey()
        gone = sender.send()
        servers.start_valkey()  # which has forgotten everything
        back = sender.send()
        until(usage.is_up_to_date, 60)

        servers.flush_valkey()
        sender.send()
        until(usage.is_up_to_date, 60)
    usage.assert_exact(5 * REQUESTS)
    for times in (hanging, gone, back):
        assert times[-1] < PATIENCE
        assert times[REQUESTS // 2] < USUAL
