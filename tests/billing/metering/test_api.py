"""Usage events over HTTP."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.metering.ingesting import cloudevents, data_limits
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


def post(body, *, key, content_type="application/json", query=""):
    return Client().post(
        f"/api/v1/events{query}",
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
        (EVENT, "Application/CloudEvents+JSON; Charset=UTF-8", 1),
    ],
)
def test_one_event_or_a_batch_is_stored(key, body, content_type, count):
    answer = post(body, key=key, content_type=content_type)
    assert (answer.status_code, answer.content) == (204, b"")
    assert StoredEvent.objects.count() == count


@pytest.mark.django_db(transaction=True)
def test_of_the_database_one_event_wants_three_statements():
    """For the key, which is found past Django's log, for the organisation, and for the event."""
    make_organisation("Acme")
    key = create_api_key(organisation=None, name="tests", now=timezone.now())
    post({**EVENT, "subject": "acme"}, key=key)  # notes that the key is used, once a minute
    with CaptureQueriesContext(connection) as asked:
        assert post({**EVENT, "subject": "acme", "id": "2"}, key=key).status_code == 204
    of = ["accounts_organisation", "INSERT INTO eventstore_storedevent"]
    assert len(asked) == len(of), [one["sql"] for one in asked]
    assert all(name in one["sql"] for name, one in zip(of, asked, strict=True))
    assert StoredEvent.objects.count() == 2


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
    assert told["stored_digest"] in told["detail"]
    assert told["sent_digest"] in told["detail"]
    assert [error["index"] for error in told["errors"]] == [1]
    assert StoredEvent.objects.count() == 1


def test_a_bad_event_is_named_and_nothing_is_stored(key):
    answer = post([EVENT, {**EVENT, "id": "2", "data": "text"}], key=key)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"] == [
        {"index": 1, "reason": "Its data must be a JSON object or null."}
    ]
    assert not StoredEvent.objects.exists()


@pytest.mark.parametrize("query", ["", "?partial=true"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (" ", "The body is empty: send an event, or an array of them. Nothing was stored."),
        ("{", "The body is not JSON: Input data was truncated. Nothing was stored."),
        ("[" * 9000, "The body is not JSON: it is nested too deeply. Nothing was stored."),
        ("[]", "The batch holds no event. Nothing was stored."),
    ],
)
def test_a_body_that_holds_no_events_is_refused_as_a_whole(key, query, body, said):
    answer = post(body, key=key, query=query)
    assert (answer.status_code, answer.json()["detail"]) == (400, said)
    assert [error["index"] for error in answer.json()["errors"]] == [0]


def test_a_misspelled_parameter_is_refused_and_nothing_is_stored(key):
    answer = post(EVENT, key=key, query="?partail=true")
    assert answer.status_code == 400
    assert "partial is meant" in answer.json()["detail"]
    assert not StoredEvent.objects.exists()
    assert post(EVENT, key=key, query="?partial=true&clientId=sdk").status_code == 200


def test_a_platforms_key_is_told_to_name_the_organisation(key):
    platform = create_api_key(organisation=None, name="platform", now=timezone.now())
    assert "It has no subject" in post(EVENT, key=platform).json()["detail"]


@pytest.mark.parametrize(
    "hostile",
    [
        '"data": {"seconds": "1", "x": "\\u0000"}',
        '"data": {"seconds": "1", "\\u0000": "x"}',
        '"data": {"seconds": "1", "x": 1e999999}',
        '"data": {"seconds": "1", "x": 1e999999999}',
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


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"\\ud83d"', "half of a character"),  # an emoji that JavaScript cut in two
        ('"\\ude00\\ud83d"', "half of a character"),
        ("NaN", "It is not JSON"),  # as Python writes it
        ('"\x1f"', "It is not JSON"),
    ],
)
def test_an_event_that_is_no_json_is_named_and_leaves_the_others_alone(key, value, said):
    bad = json.dumps({**EVENT, "id": "2", "data": None}).replace("null", f'{{"x": {value}}}')
    body = f"[{json.dumps(EVENT)} ,\n{bad}, {json.dumps({**EVENT, 'id': '3'})}]\n"
    [error] = post(body, key=key).json()["errors"]
    assert error["index"] == 1
    assert said in error["reason"]
    assert not StoredEvent.objects.exists()
    outcomes = post(body, key=key, query="?partial=true").json()
    assert [one["status"] for one in outcomes] == ["accepted", "refused", "accepted"]


@pytest.mark.parametrize("opened", ["[", '{"x":'])
def test_data_are_as_deep_as_all_can_read_them(key, opened):
    def nested(depth):
        inner = opened * (depth - 1) + "0" + {"[": "]"}.get(opened, "}") * (depth - 1)
        data = '{"seconds": ' + inner + ', "x": [[], "' + "[" * 200 + '"]}'
        return json.dumps({**EVENT, "data": None}).replace("null", data)

    deepest = nested(data_limits.MAX_DEPTH)
    for _ in range(2):
        assert post(deepest, key=key).status_code == 204
    [listed] = (
        Client()
        .get("/api/v1/events?from=2000-01-01T00:00:00Z", headers={"authorization": f"Bearer {key}"})
        .json()
    )
    assert "is not a number" in listed["validationError"]
    for depth in (data_limits.MAX_DEPTH + 1, 500):
        answer = post(nested(depth), key=key)
        assert (answer.status_code, answer.json()["errors"][0]["reason"]) == (
            400,
            "Its data are nested more than 100 deep.",
        )


def test_another_content_type_is_refused(key):
    assert post("<event/>", key=key, content_type="application/xml").status_code == 400


def test_a_compressed_body_is_told_to_come_as_it_is(key):
    def send(address, coding):
        return Client().post(
            address,
            json.dumps(EVENT),
            content_type="application/json",
            headers={"authorization": f"Bearer {key}", "content-encoding": coding},
        )

    for address in ("/api/v1/events", "/lago/api/v1/events"):
        answer = send(address, "gzip")
        assert (answer.status_code, answer["Accept-Encoding"]) == (415, "identity")
    assert not StoredEvent.objects.exists()
    assert send("/api/v1/events", "Identity").status_code == 204


@pytest.mark.parametrize("limit", ["MAX_INGEST_BYTES", "DATA_UPLOAD_MAX_MEMORY_SIZE"])
def test_a_body_over_the_limit_is_refused(key, settings, limit):
    setattr(settings, limit, 100)
    answer = post(EVENT, key=key)
    assert (answer.status_code, answer.json()["max_bytes"]) == (413, 100)
    assert answer["Content-Type"] == "application/problem+json"


def test_a_batch_of_too_many_events_is_refused(key, monkeypatch):
    monkeypatch.setattr(cloudevents, "MAX_BATCH", 2)
    assert post([EVENT] * 2, key=key).status_code == 204
    answer = post([EVENT] * 3, key=key)
    assert (answer.status_code, answer.json()["max_events"]) == (413, 2)


def test_a_part_of_a_batch_is_taken_where_that_is_asked_for(key):
    answer = post([EVENT, {**EVENT, "id": "2", "data": "text"}], key=key, query="?partial=true")
    assert answer.status_code == 200
    assert answer.json() == [
        {"index": 0, "status": "accepted"},
        {"index": 1, "status": "refused", "reason": "Its data must be a JSON object or null."},
    ]
    assert StoredEvent.objects.count() == 1


def test_what_is_documented_is_what_is_answered():
    operation = Client().get("/api/v1/openapi.json").json()["paths"]["/api/v1/events"]["post"]
    refused = {"400", "401", "402", "409", "413", "415", "429"}
    assert set(operation["responses"]) == {"200", "204", *refused}


@pytest.mark.parametrize("wrong", ["", "cck_", "cck_00000000_guess"])
def test_a_wrong_key_is_refused(key, wrong):
    assert post(EVENT, key=wrong).status_code == 401
    assert post(EVENT, key=key[:-1]).status_code == 401


def test_a_revoked_key_is_refused(key):
    ApiKey.objects.update(revoked_at=timezone.now())
    assert post(EVENT, key=key).status_code == 401
