"""The list of events over HTTP: OpenMeter's shape, and why an event does not count."""

from datetime import UTC, timedelta

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from billing.metering.ingesting import ingestion
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

NOW = timezone.now().astimezone(UTC)
HOUR = timedelta(hours=1)
EXECUTION = "catacloud.execution.finished"


@pytest.fixture
def key(acme):
    return create_api_key(organisation=acme, name="tests", now=NOW)


def send(organisation, id, *, source="s", at=NOW, kind=EXECUTION, data=None):
    event = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "time": at,
        "data": {"seconds": 1} if data is None else data,
    }
    ingestion.accept(
        ingestion.parse(msgspec.json.encode(event)),
        key=ApiKey(organisation=organisation, prefix="tests"),
        now=max(at or NOW, NOW),
    )


def ask(key, **query):
    return Client().get("/api/v1/events", query, headers={"authorization": f"Bearer {key}"})


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [one["event"]["id"] for one in answer.json()]


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


class TestAnEvent:
    def test_is_listed_as_it_came(self, acme, key):
        data = {"seconds": "1.50", "more": [1e10]}
        send(acme, "1", data=data, at=NOW)
        [listed] = ask(key).json()
        assert listed["event"] == {
            "id": "1",
            "source": "s",
            "specversion": "1.0",
            "type": EXECUTION,
            "subject": "acme",
            "time": written(NOW).replace(".000000Z", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }
        assert listed["customerId"] == str(acme.id)
        assert listed["ingestedAt"] == listed["storedAt"]
        assert "validationError" not in listed

    def test_says_why_no_service_counts_it(self, acme, key):
        send(acme, "1", kind="unheard.of")
        [listed] = ask(key).json()
        assert listed["validationError"] == "No service counts events of the type unheard.of."

    def test_says_why_its_quantity_cannot_be_read(self, acme, key):
        send(acme, "1", data={"seconds": "many"})
        [listed] = ask(key).json()
        assert listed["validationError"] == (
            'Execution time: The quantity is not a number: seconds is "many".'
        )


class TestTheList:
    def test_is_of_the_last_72_hours_the_newest_first(self, acme, key):
        for id, hours in (("old", 73), ("b", 2), ("a", 71), ("c", 1)):
            send(acme, id, at=NOW - hours * HOUR)
        assert ids(ask(key)) == ["c", "b", "a"]

    def test_is_of_a_given_time_half_open(self, acme, key):
        for hours in range(4):
            send(acme, str(hours), at=NOW - hours * HOUR)
        span = {"from": written(NOW - 2 * HOUR), "to": written(NOW)}
        assert ids(ask(key, **span)) == ["1", "2"]

    def test_tells_events_of_one_instant_apart_by_their_arrival(self, acme, key):
        for id in "abc":
            send(acme, id)
        assert ids(ask(key, limit=2)) == ["c", "b"]

    def test_is_of_what_came_in_a_given_time(self, acme, key):
        send(acme, "1")
        came = ask(key).json()[0]["ingestedAt"]
        assert ids(ask(key, ingestedAtFrom=came)) == ["1"]
        assert ids(ask(key, ingestedAtTo=came)) == []

    def test_finds_an_id_in_every_source(self, acme, key):
        send(acme, "1")
        send(acme, "1", source="other")
        send(acme, "2")
        assert [one["event"]["source"] for one in ask(key, id="1").json()] == ["other", "s"]
        assert ids(ask(key, id="3")) == ids(ask(key, id="")) == []

    def test_is_empty_where_there_is_nothing(self, key):
        assert ask(key).json() == []

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": 0},
            {"limit": 101},
            {"from": "yesterday"},
            {"from": "2026-11-01T00:00:00"},
            {"id": "\0"},
            {"subject": "a\0"},
            {"customerId": "1"},
        ],
    )
    def test_refuses_what_it_cannot_understand(self, key, query):
        answer = ask(key, **query)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")

    def test_takes_the_first_and_the_last_moment_that_can_be_written(self, acme, key):
        send(acme, "1")
        span = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}
        assert ids(ask(key, **span)) == ["1"]


class TestWhoseEvents:
    @pytest.fixture(autouse=True)
    def events(self, acme):
        self.globex = make_organisation("Globex")
        self.globex.external_key = "4711"
        self.globex.save()
        send(acme, "acme's")
        send(self.globex, "globex's", at=NOW - HOUR)
        self.platform = create_api_key(organisation=None, name="tests", now=NOW)

    def test_an_organisations_key_sees_its_own(self, key):
        assert ids(ask(key)) == ["acme's"]
        assert ids(ask(key, subject="acme")) == ["acme's"]

    @pytest.mark.parametrize("asked", [{"subject": "globex"}, {"subject": "4711"}])
    def test_and_no_other_organisations(self, key, asked):
        assert ids(ask(key, **asked)) == []
        assert ids(ask(key, customerId=str(self.globex.pk))) == []
        assert ids(ask(key, id="globex's")) == []

    def test_a_platform_key_sees_all(self):
        assert ids(ask(self.platform)) == ["acme's", "globex's"]
        assert ids(ask(self.platform, limit=1)) == ["acme's"]
        assert ids(ask(self.platform, id="globex's")) == ["globex's"]

    def test_a_platform_key_sees_those_that_it_asks_for(self, acme):
        assert ids(ask(self.platform, subject="globex")) == ["globex's"]
        assert ids(ask(self.platform, subject="4711")) == ["globex's"]
        assert ids(ask(self.platform, subject="nobody")) == []
        both = [str(acme.pk), str(self.globex.pk)]
        assert ids(ask(self.platform, customerId=both)) == ["acme's", "globex's"]
        assert ids(ask(self.platform, customerId=both[:1])) == ["acme's"]

    def test_nobody_without_a_key_sees_any(self):
        assert ask("cck_00000000_guess").status_code == 401
