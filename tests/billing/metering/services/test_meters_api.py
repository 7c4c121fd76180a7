"""Services as programs make and read them: OpenMeter's meters."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest
from django.test import Client
from django.utils import timezone

from billing.metering.models import Definition, Dimension, Service
from billing.metering.services.meters import ChangeIsComing, Counting
from billing.metering.services.meters import change as change_service
from billing.metering.services.meters_api import find
from catacloud.accounts.api_keys import create_api_key
from tests.races import run_at_once

pytestmark = pytest.mark.django_db

TOKENS = {
    "slug": "tokens_total",
    "name": "Tokens",
    "description": "What models read and wrote.",
    "aggregation": "SUM",
    "eventType": "prompt",
    "valueProperty": "$.usage.tokens",
    "groupBy": {"model": "$.model", "kind": "$['kind']"},
    "eventFrom": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def platform():
    return create_api_key(organisation=None, name="platform", now=timezone.now())


@pytest.fixture
def own(acme):
    return create_api_key(organisation=acme, name="own", now=timezone.now())


def ask(method, path, *, key, body=None):
    return getattr(Client(), method)(
        f"/api/v1/meters{path}",
        *([body] if body is not None else []),
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )


@pytest.fixture
def tokens(platform):
    made = ask("post", "", key=platform, body=TOKENS)
    assert made.status_code == 201, made.content
    return made.json()


class TestMaking:
    def test_gives_the_meter_back_in_openmeters_shape(self, tokens):
        expected = TOKENS | {"groupBy": {"model": "$.model", "kind": "$.kind"}}
        assert {name: tokens[name] for name in TOKENS} == expected
        assert tokens["createdAt"].endswith("Z")
        assert "deletedAt" not in tokens

    def test_makes_a_service_with_a_definition_from_then_on(self, tokens):
        service = Service.objects.get(slug="tokens_total")
        definition = service.definitions.get()
        assert (service.aggregation, service.name) == ("sum", "Tokens")
        assert definition.starts_at.isoformat() == "2026-01-01T00:00:00+00:00"
        assert (definition.event_types, definition.quantity_path) == (["prompt"], "usage.tokens")
        dimensions = definition.dimensions.values_list("name", "path")
        assert dict(dimensions) == {"model": "model", "kind": "kind"}

    def test_bounds_how_many_values_are_told_apart(self, platform):
        made = ask("post", "", key=platform, body=TOKENS | {"groupLimits": {"model": 5}}).json()
        assert made["groupLimits"] == {"model": 5, "kind": 100}
        assert dict(Dimension.objects.values_list("name", "at_most")) == made["groupLimits"]

    def test_a_level_has_a_unit_at_a_moment_beside_that_of_its_figure(self, platform):
        units = {"unit": "GB·h", "unitSize": str(36 * 10**17)}
        level = {"levelUnit": "GB", "levelUnitSize": "1000000000"}
        body = TOKENS | {"aggregation": "LEVEL"} | units | level
        made = ask("post", "", key=platform, body=body).json()
        assert {name: made[name] for name in units | level} == units | level
        service = Service.objects.get(slug="tokens_total")
        assert (service.level_unit, service.level_unit_size) == ("GB", Decimal(10**9))

    @pytest.mark.parametrize(
        "aggregation", ["COUNT", "MAX", "LATEST", "UNIQUE_COUNT", "LEVEL", "PEAK"]
    )
    def test_knows_openmeters_aggregations_and_ours(self, platform, aggregation):
        body = {"slug": "m", "aggregation": aggregation, "eventType": "t", "valueProperty": "$.v"}
        made = ask("post", "", key=platform, body=body)
        assert (made.status_code, made.json()["aggregation"]) == (201, aggregation)
        assert made.json()["name"] == "m"

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"aggregation": "AVG"}, "AVG is not metered here"),
            ({"aggregation": "MIN"}, "MIN is not metered here"),
            ({"aggregation": "MEDIAN"}, "aggregation"),
            ({"valueProperty": None}, "only COUNT needs no valueProperty"),
            ({"valueProperty": "$.a[*]"}, "names no single field"),
            ({"groupBy": {"model": "model"}}, "names no single field"),
            ({"eventType": None}, "eventType is missing"),
            ({"eventFrom": "1999-12-31T00:00:00Z"}, "too early"),
            ({"metadata": {"team": "a"}}, "metadata"),
            ({"slug": "no blanks"}, "slug"),
            ({"colour": "red"}, "colour"),
            *(({name: "\0"}, name) for name in ("name", "description", "unit", "eventType")),
            ({"eventType": "a\0"}, "eventType: It holds a NUL character, which cannot be stored"),
            ({"valueProperty": "$.\0"}, "valueProperty"),
            ({"groupBy": {"model": "$.\0"}}, "groupBy.model"),
            ({"groupBy": {f"g{n}": "$.g" for n in range(21)}}, "groupBy"),
            ({"groupBy": {"subject": "$.s"}}, "subject is the organisation's"),
            ({"eventType": "catacloud.usage.voided"}, "corrects usage, and is none itself"),
            ({"slug": "12"}, "would be taken for an id"),
            ({"groupLimits": {"region": 5}}, "groupLimits has 'region'"),
            ({"groupLimits": {"model": 0}}, "groupLimits.model"),
            ({"levelUnit": "GB"}, "Only a LEVEL"),
            ({"aggregation": "LEVEL", "levelUnitSize": 0}, "levelUnitSize"),
        ],
    )
    def test_says_what_is_wrong(self, platform, change, said):
        answer = ask("post", "", key=platform, body=TOKENS | change)
        assert answer.status_code == 400
        assert said in answer.json()["detail"]
        assert not Service.objects.filter(slug="tokens_total").exists()

    def test_refuses_a_slug_that_is_taken(self, platform, tokens):
        assert ask("post", "", key=platform, body=TOKENS).status_code == 409

    def test_is_for_the_platform_only(self, own):
        assert ask("post", "", key=own, body=TOKENS).status_code == 403


class TestReading:
    def test_finds_a_meter_by_slug_or_id_with_any_key(self, own, tokens):
        assert ask("get", "/tokens_total", key=own).json() == tokens
        assert ask("get", f"/{tokens['id']}", key=own).json() == tokens

    @pytest.mark.parametrize("name", ["nothing", "0", "9" * 30, "-", "%00"])
    def test_finds_nothing_else(self, own, name):
        assert ask("get", f"/{name}", key=own).status_code == 404

    def test_lists_what_is_metered_in_the_order_asked_for(self, own, tokens):
        listed = ask("get", "", key=own).json()
        assert [one["slug"] for one in listed] == sorted(one["slug"] for one in listed)
        assert tokens in listed
        backwards = ask("get", "?order=DESC&orderBy=name&pageSize=2&page=1", key=own).json()
        assert [one["name"] for one in backwards] == ["Transfer", "Tokens"]


class TestChanging:
    CHANGE = {"name": "All tokens", "groupBy": {"model": "$.model"}}

    def test_counts_otherwise_from_ten_minutes_on(self, platform, tokens):
        now = timezone.now()
        changed = ask("put", "/tokens_total", key=platform, body=self.CHANGE).json()
        assert (changed["name"], changed["groupBy"]) == ("All tokens", {"model": "$.model"})
        newest, first = Definition.objects.filter(service__slug="tokens_total")
        assert timedelta(0) <= newest.starts_at - now - timedelta(minutes=10) < timedelta(minutes=1)
        assert first.dimensions.count() == 2
        assert newest.quantity_path == first.quantity_path

    def test_keeps_the_bounds_of_values_that_are_not_said(self, platform):
        ask("post", "", key=platform, body=TOKENS | {"groupLimits": {"model": 5, "kind": 6}})
        body = {"groupBy": {"model": "$.model", "region": "$.region"}}
        changed = ask("put", "/tokens_total", key=platform, body=body).json()
        assert changed["groupLimits"] == {"model": 5, "region": 100}

    def test_makes_no_new_version_of_the_same(self, platform, tokens):
        body = {"name": "New name", "groupBy": TOKENS["groupBy"]}
        assert ask("put", "/tokens_total", key=platform, body=body).json()["name"] == "New name"
        assert Definition.objects.filter(service__slug="tokens_total").count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_at_once_is_one_change_and_the_other_waits_for_it(self, platform, tokens):
        def change(path):
            service = find(tokens["slug"])
            asked = Counting(event_types=["prompt"], quantity_path=path)
            both_have_read.wait()
            change_service(service, asked, now=timezone.now())

        both_have_read = Barrier(2)
        jobs = [partial(change, path) for path in ("one", "other")]
        assert len(run_at_once(*jobs, expected=ChangeIsComing)) == 1
        assert Definition.objects.filter(service__slug=tokens["slug"]).count() == 2

    def test_waits_for_a_change_that_is_on_its_way(self, platform, tokens):
        ask("put", "/tokens_total", key=platform, body=self.CHANGE)
        answer = ask("put", "/tokens_total", key=platform, body={})
        assert answer.status_code == 409
        assert "on its way already" in answer.json()["detail"]

    def test_is_for_the_platform_only(self, own, tokens):
        assert ask("put", "/tokens_total", key=own, body=self.CHANGE).status_code == 403
        assert ask("delete", "/tokens_total", key=own).status_code == 403


class TestDeleting:
    def test_counts_nothing_from_ten_minutes_on_and_keeps_the_history(self, platform, tokens):
        assert ask("delete", "/tokens_total", key=platform).status_code == 204
        newest, first = Definition.objects.filter(service__slug="tokens_total")
        assert (newest.event_types, first.event_types) == ([], ["prompt"])
        shown = ask("get", "/tokens_total", key=platform).json()
        assert shown["deletedAt"] == shown["updatedAt"]
        assert shown["eventType"] == "prompt"

    def test_lists_the_meter_only_where_deleted_ones_are_asked_for(self, platform, tokens):
        ask("delete", "/tokens_total", key=platform)
        for query, is_listed in (("", False), ("?includeDeleted=true", True)):
            listed = ask("get", query, key=platform).json()
            assert ("tokens_total" in [one["slug"] for one in listed]) == is_listed
