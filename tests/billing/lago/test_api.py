"""Lago's shapes over HTTP, and what of Lago is not here."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from eventstore.models import StoredEvent
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

EVENT = {
    "transaction_id": "t1",
    "external_subscription_id": "acme",
    "code": "execution-time",
    "timestamp": "1767225600",
    "properties": {"seconds": "12.5"},
    "precise_total_amount_cents": None,
}
EXISTS = {
    "status": 422,
    "error": "Unprocessable Entity",
    "code": "validation_errors",
    "error_details": {"transaction_id": ["value_already_exist"]},
}


@pytest.fixture
def key(acme):
    return create_api_key(organisation=acme, name="own", now=timezone.now())


@pytest.fixture
def platform():
    return create_api_key(organisation=None, name="platform", now=timezone.now())


def ask(method, path, *, key, body=None):
    return getattr(Client(), method)(
        f"/lago/api/v1/{path}",
        *([body] if body is not None else []),
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )


def send(*events, key):
    if len(events) == 1:
        return ask("post", "events", key=key, body={"event": events[0]})
    return ask("post", "events/batch", key=key, body={"events": events})


def numbered(*ids):
    return [EVENT | {"transaction_id": id} for id in ids]


class TestSending:
    def test_gives_the_event_back(self, key):
        answer = send(EVENT, key=key)
        assert answer.status_code == 200, answer.content
        event = answer.json()["event"]
        assert event["timestamp"] == "2026-01-01T00:00:00.000Z"
        for name in ("transaction_id", "external_subscription_id", "code", "properties"):
            assert event[name] == EVENT[name]
        assert event["lago_customer_id"] is event["lago_subscription_id"] is None

    def test_stores_a_cloudevent_of_the_type_that_the_code_stands_for(self, key):
        for code, id in (("execution-time", "1"), ("catacloud.execution.finished", "2")):
            send(EVENT | {"code": code, "transaction_id": id}, key=key)
        send(EVENT | {"code": "no-service", "transaction_id": "3"}, key=key)
        types = StoredEvent.objects.order_by("version").values_list("data__type", flat=True)
        assert list(types) == ["catacloud.execution.finished"] * 2 + ["no-service"]

    @pytest.mark.parametrize(
        "timestamp", [1767225600, "1767225600", "1767225600.25", 1767225600.25]
    )
    def test_takes_times_as_numbers_and_strings(self, key, timestamp):
        assert send(EVENT | {"timestamp": timestamp}, key=key).status_code == 200

    def test_refuses_a_transaction_that_was_sent_before(self, key):
        send(EVENT, key=key)
        for again in (EVENT, EVENT | {"properties": {"seconds": "1"}}):
            answer = send(again, key=key)
            assert (answer.status_code, answer.json()) == (422, EXISTS)
        assert StoredEvent.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "details"),
        [
            ({"timestamp": "today"}, {"timestamp": ["invalid_format"]}),
            ({"timestamp": "9999999999"}, {"timestamp": ["must be from 2000 on, and not to come"]}),
            ({"code": ""}, {"code": ["value_is_mandatory"]}),
            ({"code": "\0"}, {"code": ["invalid_format"]}),
            ({"code": "x" * 501}, {"code": ["value_is_too_long"]}),
            ({"timestamp": "null"}, {"timestamp": ["invalid_format"]}),
            ({"transaction_id": None}, {"transaction_id": ["value_is_mandatory"]}),
            ({"properties": [1]}, {"properties": ["invalid_format"]}),
            (
                {"precise_total_amount_cents": "1"},
                {"precise_total_amount_cents": ["not_supported"]},
            ),
            (
                {"external_subscription_id": "globex"},
                {"external_subscription_id": ["subscription_not_found"]},
            ),
        ],
    )
    def test_says_what_is_wrong_by_lagos_codes(self, key, change, details):
        make_organisation("Globex")
        answer = send(EVENT | change, key=key)
        assert (answer.status_code, answer.json()["error_details"]) == (422, details)
        assert not StoredEvent.objects.exists()

    @pytest.mark.parametrize("body", ["", "{", "[]", '{"event": 1}', '{"event": {"code": 1}}'])
    def test_refuses_what_is_not_in_the_shape(self, key, body):
        assert ask("post", "events", key=key, body=body).status_code == 400

    @pytest.mark.parametrize("name", ["code", "timestamp", "properties"])
    def test_refuses_what_is_no_utf_8(self, key, name):
        body = json.dumps({"event": EVENT | {name: "x"}}).encode().replace(b'"x"', b'"\xff"')
        answer = ask("post", "events", key=key, body=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


class TestSendingABatch:
    def test_gives_all_events_back(self, key):
        answer = send(*numbered("1", "2"), key=key)
        assert [one["transaction_id"] for one in answer.json()["events"]] == ["1", "2"]

    def test_stores_nothing_where_one_is_wrong_and_names_it_by_its_index(self, key):
        good, bad = numbered("1", "2")
        answer = send(good, bad | {"timestamp": "x"}, key=key)
        assert answer.status_code == 422
        assert answer.json()["error_details"] == {"1": {"timestamp": ["invalid_format"]}}
        assert not StoredEvent.objects.exists()

    def test_succeeds_when_it_is_sent_again_after_a_part_was_delivered(self, key):
        send(EVENT, key=key)
        batch = numbered("t1", "t2")
        for _ in range(2):
            assert send(*batch, key=key).status_code == 200
        assert StoredEvent.objects.count() == 2

    def test_refuses_a_transaction_that_was_sent_before_with_other_content(self, key):
        send(EVENT, key=key)
        good, other = numbered("t2", "t1")
        answer = send(good, other | {"properties": {"seconds": "1"}}, key=key)
        assert answer.json()["error_details"] == {"1": {"transaction_id": ["value_already_exist"]}}
        assert StoredEvent.objects.count() == 1

    @pytest.mark.parametrize(
        ("events", "code"), [([], "no_events"), ([EVENT] * 101, "too_many_events")]
    )
    def test_has_between_one_and_a_hundred(self, key, events, code):
        answer = ask("post", "events/batch", key=key, body={"events": events})
        assert (answer.status_code, answer.json()["error_details"]) == (422, {"events": [code]})


class TestReading:
    def test_shows_an_event_by_its_transaction(self, key):
        sent = send(EVENT, key=key).json()["event"]
        found = ask("get", "events/t1", key=key).json()["event"]
        assert found == sent | {
            "code": "catacloud.execution.finished",
            "created_at": found["created_at"],
        }
        assert ask("get", "events/t2", key=key).json()["code"] == "event_not_found"

    def test_asks_a_platform_whose_transaction_is_meant(self, platform, acme):
        make_organisation("Globex")
        for owner in ("acme", "globex"):
            send(EVENT | {"external_subscription_id": owner}, key=platform)
        assert ask("get", "events/t1", key=platform).status_code == 422
        found = ask("get", "events/t1?external_subscription_id=globex", key=platform).json()
        assert found["event"]["external_subscription_id"] == "globex"

    def test_shows_nothing_of_another_organisation(self, key, platform):
        make_organisation("Globex")
        send(EVENT | {"external_subscription_id": "globex"}, key=platform)
        assert ask("get", "events/t1", key=key).status_code == 404
        assert ask("get", "events?external_subscription_id=globex", key=key).status_code == 404

    def test_lists_pages_with_the_newest_first(self, key):
        for number in range(3):
            send(
                EVENT | {"transaction_id": f"t{number}", "timestamp": 1767225600 + number}, key=key
            )
        listed = ask("get", "events?per_page=2&code=execution-time", key=key).json()
        assert [one["transaction_id"] for one in listed["events"]] == ["t2", "t1"]
        assert listed["meta"] == {
            "current_page": 1,
            "next_page": 2,
            "prev_page": None,
            "total_pages": 2,
            "total_count": 3,
        }
        span = "timestamp_from=2026-01-01T00:00:01Z&timestamp_to=2026-01-01T00:00:01Z"
        listed = ask("get", f"events?{span}", key=key).json()
        assert [one["transaction_id"] for one in listed["events"]] == ["t1"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "invoices", 501),
        ("post", "events/estimate_fees", 501),
        ("get", "customers/acme/past_usage", 501),
        ("delete", "events", 405),
        ("get", "", 404),
    ],
)
def test_what_is_not_served_says_so_in_lagos_shape(key, method, path, status):
    answer = ask(method, path, key=key)
    assert answer.status_code == status, answer.content
    assert answer.json()["status"] == status
    assert isinstance(answer.json()["error"], str)


def test_a_wrong_key_is_refused_in_lagos_shape(key):
    answer = ask("get", "events", key="cck_00000000_guess")
    assert (answer.status_code, answer.json()) == (401, {"status": 401, "error": "Unauthorized"})


def test_the_rate_of_a_key_is_told_in_the_headers_that_lagos_clients_read(key, settings):
    settings.INGEST_EVENTS_PER_SECOND = 1
    assert send(*numbered(*map(str, range(50))), key=key).headers["x-ratelimit-limit"] == "10"
    answer = send(EVENT, key=key)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert int(answer.headers["x-ratelimit-reset"]) > 0


def test_exact_numbers_come_back_as_they_were_sent(key):
    text = json.dumps({"event": EVENT}).replace('"12.5"', "12345678901234567890.123456789012")
    ask("post", "events", key=key, body=text)
    assert b"12345678901234567890.123456789012" in ask("get", "events/t1", key=key).content
