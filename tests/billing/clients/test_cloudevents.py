"""The cloudevents package, in both modes, by any client of HTTP."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

from eventstore.models import StoredEvent

ATTRIBUTES = {
    "id": "übung 1",
    "source": "tests",
    "type": "catacloud.execution.finished",
    "subject": "acme",
    "time": "2026-11-01T12:00:00Z",
    "datacontenttype": "application/json",
}


@pytest.mark.parametrize("to_http", [to_structured, to_binary])
def test_an_event_arrives_in_either_mode(address, own, to_http):
    headers, body = to_http(CloudEvent(ATTRIBUTES, {"seconds": "12.5"}))
    http = HTTPConnection(urlsplit(address).netloc, timeout=30)
    sent = {name: str(value).encode() for name, value in headers.items()}
    http.request("POST", "/api/v1/events", body, sent | {"Authorization": f"Bearer {own}"})
    answer = http.getresponse()
    assert (answer.status, answer.read()) == (204, b"")
    http.close()
    stored = StoredEvent.objects.get()
    assert stored.data["data"] == {"seconds": "12.5"}
    assert stored.data["id"] == ATTRIBUTES["id"]
