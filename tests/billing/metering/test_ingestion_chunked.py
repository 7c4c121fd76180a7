"""A body of unknown length, which Django does not read by itself, over a real web server."""

import socket
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


def test_chunks_that_are_none_are_a_bad_request(gunicorn, acme):
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    for path in ("/api/v1/events", "/lago/api/v1/events"):
        with socket.create_connection(("127.0.0.1", gunicorn.port), timeout=20) as line:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            line.sendall((head + more).encode())
            assert line.recv(100).startswith(b"HTTP/1.1 400 ")


def test_lagos_clients_may_send_chunks_too(gunicorn, acme):
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    headers = {"Authorization": f"Bearer {key}"}
    event = {"transaction_id": "1", "external_subscription_id": "acme", "code": "transfer"}
    connection = HTTPConnection("127.0.0.1", gunicorn.port, timeout=20)
    for size, status in ((0, 200), (1000, 413)):
        body = msgspec.json.encode({"event": event}) + b" " * size
        connection.request("POST", "/lago/api/v1/events", iter([body]), headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:1]) == (status, b"{")
    connection.close()
