"""A body of unknown length, which Django does not read by itself, over a real web server."""

from http.client import HTTPConnection

import msgspec
import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from eventstore.models import StoredEvent
from tests.billing.metering.test_api import EVENT


@pytest.fixture
def gunicorn_environ() -> dict[str, str]:
    return {"MAX_INGEST_BYTES": "1000"}


def test_events_in_chunks_are_taken_up_to_the_limit(gunicorn, acme):
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(body, **also):
        connection = HTTPConnection("127.0.0.1", gunicorn.port, timeout=20)
        connection.request("POST", "/api/v1/events", body, {**headers, **also})
        answer = connection.getresponse()
        connection.close()
        return answer.status

    event = msgspec.json.encode(EVENT)
    assert post(iter([event[:10], event[10:]])) == 204
    assert StoredEvent.objects.count() == 1
    assert post(iter([event[:10], b" " * 1000, event[10:]])) == 413
    assert post(event + b" " * 1000) == 413
