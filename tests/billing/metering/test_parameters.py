"""Parameters that nobody would look at: a misspelled filter is refused, and nothing is listed."""

import pytest
from django.test import Client
from django.utils import timezone

from billing.metering import parameters
from billing.metering.inspecting.events_v2 import Asked
from catacloud.accounts.api_keys import create_api_key

pytestmark = pytest.mark.django_db
QUERY = "/api/v1/meters/execution-time/query"


@pytest.fixture
def ask(acme):
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    return lambda path: Client().get(path, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("path", "name", "meant"),
    [
        ("/api/v1/events?subjekt=acme", "subjekt", "subject"),
        ("/api/v1/meters?pagesize=1", "pagesize", "pageSize"),
        ("/api/v1/events?subject[]=acme", "subject[]", "subject"),
        ("/api/v1/events?limit=1&ingested_at_from=2026-11-01T00:00:00Z", "ingested_at_from", None),
        ("/api/v2/events?subject=acme", "subject", None),
        ("/api/v2/events?filters=%7B%7D", "filters", "filter"),
        ("/api/v1/meters/execution-time/query?form=2026-11-01T00:00:00Z", "form", "from"),
        (
            "/api/v1/meters/execution-time/query?filterGroupby[model]=gpt",
            "filterGroupby[model]",
            None,
        ),
    ],
)
def test_a_parameter_that_is_not_known_is_refused_by_its_name(ask, path, name, meant):
    answer = ask(path)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert problem["parameter"] == name
    if meant:
        assert f"{meant} is meant" in problem["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/events?clientId=sdk&customerId=00000000-0000-0000-0000-000000000000&id=1",
        "/api/v2/events?clientId=sdk&limit=1",
        "/api/v1/meters?page=1&pageSize=10&order=DESC&orderBy=key&includeDeleted=true",
        f"{QUERY}?clientId=sdk&windowSize=DAY&windowTimeZone=UTC&subject=acme",
    ],
)
def test_those_that_openmeters_clients_send_are_known(ask, path):
    assert ask(path).status_code == 200


def test_the_names_are_those_that_a_program_writes():
    assert parameters.known(Asked) == {"cursor", "limit", "clientId", "filter"}
