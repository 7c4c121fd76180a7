"""CloudEvents over HTTP in binary mode: attributes as headers, the data as the body."""

import pytest
from django.test import Client
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from eventstore.models import StoredEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(acme):
    return create_api_key(organisation=acme, name="tests", now=timezone.now())


def post(key, body=b'{"n": 1}', *, content_type="", **attributes):
    attributes = {"specversion": "1.0", "id": "1", "source": "/my", "type": "t"} | attributes
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    return Client().generic(
        "POST",
        "/api/v1/events",
        body,
        content_type=content_type,
        headers={"authorization": f"Bearer {key}", **headers},
    )


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/json; charset=UTF-8"]
)
def test_an_event_is_stored(key, acme, content_type):
    answer = post(
        key, content_type=content_type, subject="acme", time="2026-01-01T01:00:00+01:00", ext="x"
    )
    assert (answer.status_code, answer.content) == (204, b"")
    stored = StoredEvent.objects.get()
    assert stored.tenant_id == acme.id
    assert stored.data == {
        **{"type": "t", "source": "/my", "id": "1", "time": "2026-01-01T00:00:00Z"},
        "data": {"n": 1},
    }


def test_headers_beside_an_event_that_is_all_in_the_body_say_nothing(key):
    event = b'{"specversion": "1.0", "id": "2", "source": "/my", "type": "t"}'
    assert post(key, event, content_type="application/cloudevents+json").status_code == 204
    assert StoredEvent.objects.get().data["id"] == "2"


def test_an_empty_body_is_no_data(key):
    assert post(key, b"").status_code == 204
    assert StoredEvent.objects.get().data["data"] is None


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("K%C3%B6ln", "Köln"),
        ("Köln".encode().decode("latin-1"), "Köln"),
        ("Köln", "Köln"),
        ("100 %", "100 %"),
        ('"a \\"b\\""', 'a "b"'),
        ("%22", '"'),
    ],
)
def test_a_header_is_decoded(key, sent, meant):
    assert post(key, id=sent).status_code == 204
    assert StoredEvent.objects.get().data["id"] == meant


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": b"text"}, "its data, is not JSON"),
        ({"body": b'"text"'}, "must be a JSON object or null"),
        ({"body": b'{}, "id": "2"'}, "its data, is not JSON"),
        ({"body": b'{"x": "\xff"}'}, "not UTF-8"),
        ({"specversion": "0.3"}, "Invalid enum value"),
        ({"id": ""}, "length >= 1"),
        ({"id": "%00"}, "holds a NUL"),
        ({"time": "yesterday"}, "RFC3339"),
        ({"content_type": "application/xml"}, "is not taken"),
    ],
)
def test_what_is_wrong_is_said(key, changes, reason):
    answer = post(key, **changes)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert reason in answer.json()["detail"]
