"""How many events per second a key may send."""

import time

import pytest
from django.utils import timezone
from redis import Redis

from billing.metering.ingesting import rate
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey
from catacloud.outages import Outage
from tests.billing.metering.test_api import EVENT, post

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.INGEST_EVENTS_PER_SECOND = 1


@pytest.fixture
def key(acme, settings):
    """A key that no earlier test used up: what a key sent outlives the test in Valkey."""
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    Redis.from_url(settings.REDIS_URL).delete(f"ingest-rate:{ApiKey.objects.get().pk}")
    return key


def take(key, events):
    taken = rate.take(key, events)
    assert taken
    return taken


def test_a_batch_passes_once_and_has_then_to_be_waited_for(key):
    batch = [{**EVENT, "id": str(n)} for n in range(30)]
    answer = post(batch, key=key)
    assert answer.status_code == 204
    assert answer["x-ratelimit-remaining"] == "0"
    answer = post(EVENT, key=key)
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert 15 <= int(answer["Retry-After"]) <= 20
    assert answer["x-ratelimit-limit"] == "10"
    assert answer["x-ratelimit-remaining"] == "0"
    assert 25 <= int(answer["x-ratelimit-reset"]) <= 30


def test_each_key_has_a_rate_of_its_own(acme, key):
    post([{**EVENT, "id": str(n)} for n in range(30)], key=key)
    assert take(ApiKey(pk=-time.time_ns()), 1).passed


def test_what_was_sent_is_paid_for_by_waiting(key, settings):
    settings.INGEST_EVENTS_PER_SECOND = 1000
    taken = take(ApiKey.objects.get(), 500)
    assert (taken.passed, taken.headers["x-ratelimit-remaining"]) == (True, "9500")
    assert taken.ahead == pytest.approx(0.5)


def test_there_is_no_limit_unless_it_is_set(key, settings):
    settings.INGEST_EVENTS_PER_SECOND = None
    assert rate.take(ApiKey.objects.get(), 10**9) is None


def test_events_are_taken_while_valkey_is_away_and_only_one_request_asks_for_it(
    key, settings, caplog, monkeypatch
):
    monkeypatch.setattr(rate, "valkey", Outage())  # who comes after this test is not spared
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    for _ in range(3):
        assert post(EVENT, key=key).status_code == 204
    assert caplog.text.count("Valkey is away") == 1
