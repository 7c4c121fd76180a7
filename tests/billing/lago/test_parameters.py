"""What is not known has no effect, as in Lago; what Lago knows and we do not serve is refused."""

import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from tests.billing.lago.test_api import ask

pytestmark = pytest.mark.django_db
USAGE = "customers/acme/current_usage?external_subscription_id=acme"


@pytest.fixture
def key(acme):
    return create_api_key(organisation=acme, name="own", now=timezone.now())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("events?timestamp_from_started_at=true", "timestamp_from_started_at"),
        (f"{USAGE}&group[region]=eu", "group"),
        (f"{USAGE}&filter_by_group=%7B%22region%22%3A%20%22eu%22%7D", "filter_by_group"),
        (f"{USAGE}&filter_by_presentation=region", "filter_by_presentation"),
        (f"{USAGE}&full_usage=true", "full_usage"),
    ],
)
def test_what_lago_would_tell_otherwise_by_is_not_served(key, path, name):
    answer = ask("get", path, key=key)
    assert answer.status_code == 501
    assert answer.json()["error_details"] == {name: ["not_supported"]}


@pytest.mark.parametrize(
    "query",
    ["colour=red", "grouped=1", "timestamp_from_started_at=false", "external_customer_id=x"],
)
def test_what_is_not_known_has_no_effect(key, query):
    assert ask("get", f"events?{query}", key=key).json()["events"] == []


@pytest.mark.parametrize("name", ["timestamp_from", "timestamp_to"])
def test_a_time_to_list_from_is_written_as_lago_does_and_no_number(key, name):
    answer = ask("get", f"events?{name}=1767225599.9999999", key=key)
    assert answer.status_code == 422
    assert "RFC 3339" in str(answer.json()["error_details"][name])
