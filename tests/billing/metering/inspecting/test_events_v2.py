"""The list of events by pages: cursors, filters, and what an organisation's key sees of it."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from tests.billing.metering.inspecting.test_events_api import EXECUTION, HOUR, NOW, send, written
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(acme):
    return create_api_key(organisation=None, name="tests", now=timezone.now())


def ask(key, **query):
    if "filter" in query and not isinstance(query["filter"], str):
        query["filter"] = json.dumps(query["filter"])
    return Client().get("/api/v2/events", query, headers={"authorization": f"Bearer {key}"})


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [one["event"]["id"] for one in answer.json()["items"]]


class TestPages:
    def test_hold_every_event_once_the_newest_first(self, acme, key):
        for number in range(5):  # some of one moment
            send(acme, str(number), at=NOW - number // 2 * HOUR)
        first = ask(key, limit=2).json()
        second = ask(key, limit=2, cursor=first["nextCursor"]).json()
        third = ask(key, limit=2, cursor=second["nextCursor"]).json()
        found = [one["event"]["id"] for page in (first, second, third) for one in page["items"]]
        assert found == ["1", "0", "3", "2", "4"]
        assert "nextCursor" not in third

    def test_stay_as_they_are_when_more_comes(self, acme, key):
        send(acme, "old", at=NOW - HOUR)
        send(acme, "new", at=NOW)
        cursor = ask(key, limit=1).json()["nextCursor"]
        send(acme, "newest", at=NOW + timedelta(seconds=1))
        assert ids(ask(key, cursor=cursor)) == ["old"]

    @pytest.mark.parametrize(
        "cursor", ["", "1", "x_1", "1_-1", "1_9223372036854775808", f"{10**30}_1"]
    )
    def test_need_a_cursor_of_ours(self, key, cursor):
        answer = ask(key, cursor=cursor)
        assert answer.status_code == 400
        assert "nextCursor" in answer.json()["detail"]

    def test_show_a_key_its_own_organisation_alone(self, acme):
        send(acme, "own")
        send(make_organisation("Other"), "other")
        own = create_api_key(organisation=acme, name="own", now=NOW)
        assert ids(ask(own)) == ["own"]
        assert ids(ask(own, filter={"subject": {"$eq": "other"}})) == []

    def test_say_why_an_event_does_not_count(self, acme, key):
        send(acme, "1", data={"seconds": "many"})
        [one] = ask(key).json()["items"]
        assert "not a number" in one["validationError"]


class TestAFilter:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, ["c", "b", "a"]),
            ({"id": {"$eq": "a"}}, ["a"]),
            ({"id": {"$in": ["a", "c"]}, "source": None}, ["c", "a"]),
            ({"source": {"$eq": "t"}}, ["b"]),
            ({"source": {"$ne": "t"}, "type": {"$like": "cata%"}}, ["c", "a"]),
            ({"subject": {"$eq": "acme"}}, ["c", "b", "a"]),
            ({"subject": {"$nin": ["acme"]}}, []),
            ({"time": {"$gte": written(NOW - HOUR)}}, ["c", "b"]),
            (
                {"time": {"$or": [{"$lt": written(NOW - HOUR)}, {"$gt": written(NOW - HOUR)}]}},
                ["c", "a"],
            ),
            ({"ingestedAt": {"$lt": "2026-01-01T00:00:00Z"}}, []),
        ],
    )
    def test_lets_through_what_it_says(self, acme, key, asked, found):
        send(acme, "a", at=NOW - 2 * HOUR)
        send(acme, "b", at=NOW - HOUR, source="t")
        send(acme, "c", at=NOW, kind=EXECUTION)
        assert ids(ask(key, filter=asked)) == found

    def test_knows_organisations_by_their_ids(self, acme, key):
        send(acme, "1")
        assert ids(ask(key, filter={"customerId": {"$in": [str(acme.pk)]}})) == ["1"]
        assert ids(ask(key, filter={"customerId": {"$in": ["nobody"]}})) == []

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ("{", "no JSON object"),
            ("[]", "no JSON object"),
            ('{"id": {"$and": ' + "[" * 5000, "nested too deeply"),
            ({"time": {"$or": [{}] * 201}}, "many values are one $in"),
            ({"color": {"$eq": "red"}}, "customerId, time, ingestedAt are known"),
            ({"id": "a"}, "object of operators"),
            ({"id": {"$eq": "\0"}}, "takes a text"),
            ({"time": "now"}, "A time is filtered so"),
            ({"time": {"$eq": "2026-11-01T00:00:00Z"}}, "knows no operator"),
            ({"time": {"$gt": "2026-11-01T00:00:00"}}, "takes a time"),
            ({"time": {"$gt": {"$gt": 1}}}, "takes a time"),
            ({"time": {"$and": {}}}, "a list of filters"),
        ],
    )
    def test_that_means_nothing_is_refused(self, key, asked, said):
        answer = ask(key, filter=asked)
        assert answer.status_code == 400
        assert said in answer.json()["detail"]
