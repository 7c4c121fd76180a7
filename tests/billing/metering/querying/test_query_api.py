"""Queries over HTTP, in the ways that clients write them."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.utils import timezone

from billing.metering.folding import saga
from billing.metering.models import Definition, Dimension
from catacloud.accounts.api_keys import create_api_key
from eventstore import feed
from tests.billing.metering.sending import send
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
BIG = "1000000000000000000000000.000000000001"


@pytest.fixture
def tokens():
    """A meter of tokens by model, which has no definition that counts without one."""
    service = make_service(slug="tokens")
    definition = Definition.objects.create(
        service=service,
        starts_at=datetime(2001, 1, 1, tzinfo=UTC),
        event_types=["prompt"],
        quantity_path="tokens",
    )
    Dimension.objects.create(definition=definition, name="model", path="model")
    return service


@pytest.fixture
def globex():
    made = make_organisation("Globex")
    made.external_key = "customer-7"
    made.save()
    return made


@pytest.fixture
def used(acme, globex, tokens):
    """Acme used 1 and 2 of gpt and 4 of llama over two hours; Globex used 8 of gpt."""
    spent = [
        (acme, 0, 1, "gpt"),
        (acme, 61, 2, "gpt"),
        (acme, 62, 4, "llama"),
        (globex, 0, 8, "gpt"),
    ]
    for number, (owner, minute, count, model) in enumerate(spent):
        at = NOON + timedelta(minutes=minute)
        data = {"tokens": count, "model": model}
        send(owner, (str(number), at, data), kind="prompt")
    fold()


def fold():
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


@pytest.fixture
def platform():
    return create_api_key(organisation=None, name="platform", now=timezone.now())


@pytest.fixture
def own(acme):
    return create_api_key(organisation=acme, name="own", now=timezone.now())


def ask(key, path="query", **parameters):
    return Client().get(
        f"/api/v1/meters/tokens/{path}?{urlencode(parameters, doseq=True)}",
        headers={"authorization": f"Bearer {key}"},
    )


def post(key, body, **headers):
    return Client().post(
        "/api/v1/meters/tokens/query",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {key}", **headers},
    )


def values(answer):
    assert answer.status_code == 200, answer.content
    return [row["value"] for row in answer.json()["data"]]


@pytest.mark.usefixtures("used")
class TestAQuery:
    def test_without_anything_is_one_row_of_all_that_was_used(self, platform):
        assert ask(platform).json() == {
            "data": [
                {
                    "value": 15,
                    "windowStart": "2026-11-01T12:00:00Z",
                    "windowEnd": "2026-11-01T13:03:00Z",
                    "subject": None,
                    "groupBy": {},
                }
            ]
        }

    def test_has_a_row_for_each_window_and_says_what_was_asked(self, platform):
        span = {"from": "2026-11-01T12:00:00.000Z", "to": "2026-11-01T14:00:00.000Z"}
        answer = ask(platform, windowSize="HOUR", **span).json()
        assert [row["value"] for row in answer.pop("data")] == [9, 6]
        assert answer == {
            "from": "2026-11-01T12:00:00Z",
            "to": "2026-11-01T14:00:00Z",
            "windowSize": "HOUR",
        }

    def test_shows_an_organisation_its_own_usage_only(self, own, acme):
        assert values(ask(own)) == [7]
        assert values(ask(own, subject="globex")) == []
        [row] = ask(own, groupBy="subject").json()["data"]
        assert (row["subject"], row["value"]) == ("acme", 7)

    def test_tells_apart_the_subjects_that_are_named_by_slug_or_external_key(self, platform):
        rows = ask(platform, subject=["acme", "customer-7", "nobody"]).json()["data"]
        assert {row["subject"]: row["value"] for row in rows} == {"acme": 7, "globex": 8}

    def test_tells_apart_customers_by_their_ids(self, platform, acme):
        [row] = ask(platform, filterCustomerId=str(acme.pk)).json()["data"]
        assert (row["customerId"], row["subject"], row["value"]) == (str(acme.pk), None, 7)

    def test_does_not_know_the_customers_of_others(self, own, globex):
        for customer in (globex.pk, "nobody"):
            assert ask(own, filterCustomerId=customer).status_code == 404

    def test_groups_by_dimensions_and_subjects(self, platform):
        rows = ask(platform, groupBy=["model", "subject"]).json()["data"]
        assert {(row["subject"], row["groupBy"]["model"]): row["value"] for row in rows} == {
            ("acme", "gpt"): 3,
            ("acme", "llama"): 4,
            ("globex", "gpt"): 8,
        }

    @pytest.mark.parametrize(
        "filters",
        [
            {"filterGroupBy[model]": "gpt"},
            {"filterGroupBy": "{'model': 'gpt'}"},
            {"advancedMeterGroupByFilters": '{"model": {"$like": "g%"}}'},
        ],
    )
    def test_is_filtered_in_either_clients_way(self, platform, filters):
        assert values(ask(platform, **filters)) == [11]

    @pytest.mark.parametrize("operator", ["$eq", "$in", "$or", "$ne", "$nin"])
    def test_is_filtered_by_long_values_as_they_were_sent(self, platform, acme, operator):
        long = ["x" * 150, "x" * 151]
        for number, model in enumerate(long):
            send(acme, (model, NOON, {"tokens": 100 + number, "model": model}), kind="prompt")
        fold()
        asked = {
            "$eq": long[1],
            "$in": [long[1], "none"],
            "$or": [{"$eq": long[1]}, {"$eq": "none"}],
            "$ne": long[0],
            "$nin": long[:1],
        }[operator]
        filters = {"advancedMeterGroupByFilters": json.dumps({"model": {operator: asked}})}
        others = 15 if operator.startswith("$n") else 0
        assert values(ask(platform, **filters)) == [101 + others]
        [row] = ask(platform, groupBy="model", **{"filterGroupBy[model]": long[0]}).json()["data"]
        assert row["value"] == 100
        again = ask(platform, **{"filterGroupBy[model]": row["groupBy"]["model"]})
        assert values(again) == [100]

    def test_takes_several_values_of_a_name(self, platform):
        assert values(ask(platform, **{"filterGroupBy[model]": ["gpt", "llama"]})) == [15]

    @pytest.mark.parametrize(
        "asked",
        [
            {"windowSize": "WEEK"},
            {"windowTimeZone": "Mars/Base"},
            {"windowTimeZone": "localtime"},
            {"from": "yesterday"},
            {"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
            {"groupBy": "colour"},
            {"filterGroupBy[colour]": "red"},
            {"filterGroupBy[subject]": "acme"},
            {"filterGroupBy": "{'model': "},
            {"filterGroupBy": "__import__('os')"},
            {"filterGroupBy": "{[]: 'a'}"},
            {"filterGroupBy": "{'model': 0x" + "f" * 4000 + "}"},
            {"advancedMeterGroupByFilters": "[]"},
            {"advancedMeterGroupByFilters": '{"model": {"$regex": "g"}}'},
            {"filterGroupBy[model]": "a", "advancedMeterGroupByFilters": '{"model": {}}'},
            {"windowSize": "MINUTE", "from": "2000-01-01T00:00:00Z", "groupBy": "nothing"},
        ],
    )
    def test_that_makes_no_sense_is_refused(self, platform, asked):
        answer = ask(platform, **asked)
        assert answer.status_code == 400, answer.content
        assert answer["Content-Type"] == "application/problem+json"

    def test_by_post_is_the_same(self, platform):
        assert values(post(platform, {})) == [15]
        body = {"subject": ["acme"], "filterGroupBy": {"model": ["gpt"]}, "windowSize": "HOUR"}
        assert values(post(platform, body)) == [1, 2]
        body = {"advancedMeterGroupByFilters": {"model": {"$in": ["llama"]}}}
        assert values(post(platform, body)) == [4]

    def test_by_post_with_a_name_that_is_not_known_is_refused(self, platform):
        answer = post(platform, {"subjects": ["acme"]})
        assert answer.status_code == 400
        assert answer.json()["detail"] == (
            "subjects: Nothing here has this name: correct its spelling, or leave it out."
        )

    @pytest.mark.parametrize("body", ["[]", "null", "1", '"subject"'])
    def test_by_post_with_a_body_that_is_no_object_is_refused(self, platform, body):
        answer = post(platform, body)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert answer.json()["detail"] == "The body has to be a JSON object, such as {}."

    def test_is_answered_in_csv_where_that_is_wanted(self, platform):
        answer = post(platform, {"groupBy": ["subject", "model"]}, accept="text/csv")
        assert answer["Content-Type"] == "text/csv"
        assert "Accept" in answer["Vary"]
        assert answer.content.decode() == (
            "window_start,window_end,subject,model,value\n"
            "2026-11-01T12:00:00Z,2026-11-01T13:02:00Z,acme,gpt,3\n"
            "2026-11-01T12:00:00Z,2026-11-01T12:01:00Z,globex,gpt,8\n"
            "2026-11-01T13:02:00Z,2026-11-01T13:03:00Z,acme,llama,4\n"
        )


def test_values_have_all_their_digits(acme, tokens, own):
    send(acme, ("1", NOON, {"tokens": BIG}), kind="prompt")
    fold()
    assert f'"value":{BIG},'.encode() in ask(own).content
    assert f",{BIG}\n" in post(own, {}, accept="text/csv").content.decode()


def test_a_cell_that_a_spreadsheet_would_run_is_text(acme, tokens, own):
    send(acme, ("1", NOON, {"tokens": 1, "model": "=1+1"}), kind="prompt")
    fold()
    answer = post(own, {"groupBy": ["model"]}, accept="text/csv").content.decode()
    assert ",'=1+1,1\n" in answer


@pytest.mark.usefixtures("used")
class TestLists:
    def test_say_who_uses_a_meter(self, platform, own):
        assert ask(platform, "subjects").json() == ["acme", "globex"]
        assert ask(own, "subjects").json() == ["acme"]
        later = {"from": (NOON + timedelta(minutes=30)).isoformat()}
        assert ask(platform, "subjects", **later).json() == ["acme"]

    @pytest.mark.parametrize("of", ["subjects", "group-by/model/values"])
    def test_refuse_a_parameter_that_they_do_not_know(self, platform, of):
        answer = ask(platform, of, form=NOON.isoformat())
        assert answer.status_code == 400
        assert "from is meant, perhaps" in answer.json()["detail"]

    def test_say_what_there_is_to_group_by(self, platform):
        span = {"from": NOON.isoformat(), "to": (NOON + timedelta(hours=2)).isoformat()}
        assert ask(platform, "group-by/model/values", **span).json() == ["gpt", "llama"]
        assert ask(platform, "group-by/model/values").json() == []  # of the last day
        assert ask(platform, "group-by/colour/values").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"subject": ["\ud800"]},
        {"filterGroupBy": {"model": ["\ud800"]}},
        {"advancedMeterGroupByFilters": {"model": {"$eq": "\udc00"}}},
    ],
)
def test_half_a_character_is_refused(platform, tokens, body):
    assert post(platform, json.dumps(body)).status_code == 400


def test_filters_of_pythons_client_are_read_however_they_are_quoted(platform, tokens):
    path = f"/api/v1/meters/tokens/query?filterGroupBy={quote(json.dumps({'model': 'a'}))}"
    assert Client().get(path, headers={"authorization": f"Bearer {platform}"}).status_code == 200
