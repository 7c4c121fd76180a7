"""Usage events over HTTP."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey
from eventstore.models import StoredEvent
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "scheduler",
    "type": "catacloud.execution.finished",
    "time": "2026-11-01T12:00:00Z",
    "data": {"seconds": "12.5"},
}


@pytest.fixture
def key():
    return create_api_key(organisation=make_organisation("Acme"), name="tests", now=timezone.now())


def post(body, *, key, content_type="application/json"):
    return Client().post(
        "/api/v1/events",
        body if isinstance(body, str) else json.dumps(body),
        content_type=content_type,
        headers={"authorization": f"Bearer {key}"},
    )


@pytest.mark.parametrize(
    ("body", "content_type", "count"),
    [
        (EVENT, "application/cloudevents+json", 1),
        ([EVENT, {**EVENT, "id": "2"}], "application/cloudevents-batch+json", 2),
        ([EVENT, EVENT], "application/json; charset=utf-8", 1),
    ],
)
def test_one_event_or_a_batch_is_stored(key, body, content_type, count):
    answer = post(body, key=key, content_type=content_type)
    assert (answer.status_code, answer.content) == (204, b"")
    assert StoredEvent.objects.count() == count


def test_the_same_request_again_changes_nothing(key):
    post(EVENT, key=key)
    assert post(EVENT, key=key).status_code == 204
    assert StoredEvent.objects.count() == 1


def test_the_same_request_again_changes_nothing_also_without_a_time(key):
    timeless = {name: value for name, value in EVENT.items() if name != "time"}
    for _ in range(2):
        assert post(timeless, key=key).status_code == 204
    assert StoredEvent.objects.count() == 1


def test_an_event_sent_before_with_other_content_is_a_conflict_that_names_it(key):
    post(EVENT, key=key)
    changed = {**EVENT, "data": {"seconds": "999"}}
    answer = post([{**EVENT, "id": "2"}, changed], key=key)
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (told["source"], told["id"]) == (EVENT["source"], EVENT["id"])
    assert "sent before with other content" in told["detail"]
    assert StoredEvent.objects.count() == 1


def test_a_bad_event_is_named_and_nothing_is_stored(key):
    answer = post([EVENT, {**EVENT, "id": "2", "type": "unheard.of"}], key=key)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"] == [
        {"index": 1, "reason": "No service counts events of the type 'unheard.of'."}
    ]
    assert not StoredEvent.objects.exists()


@pytest.mark.parametrize(
    "hostile",
    [
        '"data": {"seconds": "1", "x": "\\u0000"}',
        '"data": {"seconds": "1", "\\u0000": "x"}',
        '"data": {"seconds": "1", "x": 1e999999}',
        '"id": "\\u0000"',
        '"source": "\\u0000"',
        '"type": "\\u0000"',
        '"subject": "\\u0000"',
    ],
)
def test_what_the_database_cannot_hold_is_refused_by_its_index(key, hostile):
    name = hostile.split('"')[1]
    event = json.dumps({field: value for field, value in EVENT.items() if field != name})
    bad = event[:-1] + ", " + hostile + "}"
    answer = post(f"[{json.dumps({**EVENT, 'id': 'good'})}, {bad}]", key=key)
    assert answer.status_code == 400
    assert [error["index"] for error in answer.json()["errors"]] == [1]
    assert not StoredEvent.objects.exists()


@pytest.mark.parametrize("value", ["[" * 9000 + "]" * 9000, '"\\ud800"', "NaN", "01"])
def test_data_that_are_no_json_are_refused(key, value):
    data = '{"seconds": "1", "x": ' + value + "}"
    event = json.dumps({**EVENT, "data": None}).replace("null", data)
    assert post(event, key=key).status_code == 400
    assert not StoredEvent.objects.exists()


def test_another_content_type_is_refused(key):
    assert post("<event/>", key=key, content_type="application/xml").status_code == 400


def test_a_body_over_the_limit_is_refused(key, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert post(EVENT, key=key).status_code == 413


@pytest.mark.parametrize("wrong", ["", "cck_", "cck_00000000_guess"])
def test_a_wrong_key_is_refused(key, wrong):
    assert post(EVENT, key=wrong).status_code == 401
    assert post(EVENT, key=key[:-1]).status_code == 401


def test_a_revoked_key_is_refused(key):
    ApiKey.objects.update(revoked_at=timezone.now())
    assert post(EVENT, key=key).status_code == 401
