"""A body of unknown length, which Django does not read by itself, over a real web server."""

import socket
from http.client import HTTPConnection

import msgspec
import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from eventstore.models import StoredEvent
from tests.billing.metering.test_api import EVENT

LAGO = {"transaction_id": "1", "external_subscription_id": "acme", "code": "transfer"}


@pytest.fixture
def gunicorn_environ() -> dict[str, str]:
    return {"MAX_INGEST_BYTES": "1000"}


def test_events_in_chunks_are_taken_up_to_the_limit_and_chunks_that_are_none_refused(
    gunicorn, acme
):
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(path, body):
        connection = HTTPConnection("127.0.0.1", gunicorn.port, timeout=20)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        connection.close()
        return answer.status

    def post_no_chunks(path):
        with socket.create_connection(("127.0.0.1", gunicorn.port), timeout=20) as line:
            also = headers | {"Host": "localhost", "Transfer-Encoding": "chunked"}
            lines = [f"POST {path} HTTP/1.1", *(f"{name}: {also[name]}" for name in also)]
            line.sendall("\r\n".join([*lines, "", "zz", ""]).encode())
            return line.recv(100)

    doors = [("/api/v1/events", EVENT, 204), ("/lago/api/v1/events", {"event": LAGO}, 200)]
    for count, (path, content, taken) in enumerate(doors, 1):
        event = msgspec.json.encode(content)
        assert post(path, iter([event[:10], event[10:]])) == taken
        assert StoredEvent.objects.count() == count
        assert post(path, iter([event[:10], b" " * 1000, event[10:]])) == 413
        assert post(path, event + b" " * 1000) == 413
        assert post_no_chunks(path).startswith(b"HTTP/1.1 400 ")
