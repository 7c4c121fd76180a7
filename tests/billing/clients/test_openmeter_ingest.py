"""OpenMeter's own black-box scenarios of ingestion, over a real web server.

From its e2e/e2e_test.go: TestIngest, TestIngestContentTypeApplicationJSON, TestBatchIngest,
TestInvalidIngest and TestDedupe. What differs is told where it does.
"""

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest

from billing.metering.models import Definition
from billing.metering.usage_tables import HourlyUsage
from catacloud.accounts.api_keys import create_api_key
from tests.billing.metering.services.test_definitions import catch_up
from tests.factories import make_organisation, make_service

CLOUD_EVENT = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NOW = datetime.now(UTC)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class OpenMeter:
    """A client of a server whose meters are those of the suite's config.yaml."""

    def __init__(self, port):
        self.key = create_api_key(organisation=None, name="e2e", now=NOW)
        self.http = HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method, path, body=None, content_type=CLOUD_EVENT):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        body = body if body is None or isinstance(body, str) else json.dumps(body)
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        return answer.status, answer.read()

    def ingest(self, body, content_type=CLOUD_EVENT):
        status, content = self.ask("POST", "/api/v1/events", body, content_type)
        assert status != 204 or content == b""
        return status

    def events(self, subject):
        status, content = self.ask("GET", f"/api/v1/events?subject={subject}")
        assert status == 200
        return json.loads(content)


@pytest.fixture
def openmeter(transactional_db, server):
    make_organisation("customer-1")
    make_organisation("ingest_invalid")
    client = OpenMeter(server.port)
    yield client
    client.http.close()


def meter(slug, *, aggregation="sum"):
    service = make_service(slug=slug.replace("_", "-"))
    service.aggregation = aggregation
    service.save()
    Definition.objects.create(
        service=service,
        starts_at=BEGINNING + timedelta(seconds=1),
        event_types=[slug],
        quantity_path="duration_ms" if aggregation == "sum" else "",
    )
    return service


def event(kind, *, subject="customer-1", at=NOW, **changes):
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "my-app",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        **changes,
    }


def any_time():
    """A time of the last 30 days. The suite's may also lie ahead; we refuse the future."""
    return NOW - timedelta(seconds=random.randrange(30 * 86_400))


def metered(service):
    catch_up()
    return sum(HourlyUsage.objects.filter(service=service).values_list("quantity", flat=True))


def test_ingest(openmeter):
    service, total = meter("ingest"), 0
    for _ in range(100):  # 1000 in the suite
        duration = random.randint(1, 100)
        total += duration
        data = {"duration_ms": str(duration)}
        assert openmeter.ingest(event("ingest", at=any_time(), data=data)) == 204
    assert metered(service) == total


def test_ingest_content_type_application_json(openmeter):
    kind = "ingest_content_type_application_json"
    service = meter(kind)

    def one():
        return event(kind, at=NOW - timedelta(hours=1), data={"duration_ms": "100"})

    assert openmeter.ingest(one(), "application/json") == 204
    assert openmeter.ingest([one(), one()], "application/json") == 204
    assert metered(service) == 300


def test_batch_ingest(openmeter):
    service = meter("batchingest")
    durations = [random.randint(1, 1000) for _ in range(1000)]
    batch = [
        event("batchingest", at=any_time(), data={"duration_ms": str(duration)})
        for duration in durations
    ]
    assert openmeter.ingest(batch, BATCH) == 204
    assert metered(service) == sum(durations)


def test_invalid_ingest(openmeter):
    service = meter("ingest_invalid")
    minutes = iter(range(61, 99))

    def ingest(**changes):
        at = NOW - timedelta(minutes=next(minutes))
        return openmeter.ingest(event("ingest_invalid", subject="ingest_invalid", at=at, **changes))

    assert ingest(datacontenttype="application/xml", data="<xml></xml>") == 400
    assert ingest(data="string") == 400
    assert ingest(data=None) == 204
    assert ingest() == 204
    for data in ({}, {"duration_ms": "NaN"}, {"duration_ms": "Inf"}, {"duration_ms": "100"}):
        assert ingest(datacontenttype="application/json", data=data) == 204

    assert metered(service) == 100
    # The suite finds them by their subject alone, as we do; the newest comes first.
    listed = openmeter.events("ingest_invalid")
    missing = "ingest-invalid: The quantity is missing: its data have no duration_ms."
    wrong = "ingest-invalid: The quantity is not a number: duration_ms is"
    assert [one.get("validationError") for one in listed] == [
        *(missing, missing, missing, f'{wrong} "NaN".', f'{wrong} "Inf".', None),
    ]


def test_dedupe(openmeter):
    service = meter("dedupe", aggregation="count")
    same = event("dedupe", id="52f44f66-020f-4fa9-a733-102a8ef6f515", data={})
    for _ in range(20):  # 1000 in the suite
        assert openmeter.ingest(same) == 204
    # The suite sends it with another time each time. That is other content, and told: 409.
    assert openmeter.ingest({**same, "time": any_time().isoformat()}) == 409
    assert metered(service) == 1
    assert len(openmeter.events("customer-1")) == 1
