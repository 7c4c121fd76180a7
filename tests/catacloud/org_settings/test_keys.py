"""Owners make keys for their programs, see when each was used, and revoke them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from catacloud.accounts.api_keys import authenticate, create_api_key
from catacloud.accounts.models import ApiKey
from catacloud.org_settings.events import KeyMade, KeyRevoked
from tests.catacloud.org_settings.events import events_of

pytestmark = pytest.mark.django_db

PAGE = "/organisations/acme/settings/keys/"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def make(client: Client, name: str = "Farm") -> str:
    page = client.post(PAGE, {"name": name}).content.decode()
    [key] = re.findall(r"<code>(cck_[\w-]+)</code>", page)
    return str(key)


class TestAKey:
    def test_is_shown_once_and_speaks_for_the_organisation(self, as_user, owner, acme):
        client = as_user(owner)
        key = make(client)
        assert key.encode() not in client.get(PAGE).content
        answer = Client().get("/api/v1/meters", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
        prefix = key[4:12]
        assert events_of(acme) == [KeyMade(prefix=prefix, name="Farm")]

    def test_opens_nothing_once_it_is_revoked(self, as_user, owner, acme):
        client = as_user(owner)
        key = make(client)
        page = client.post(f"{PAGE}{key[4:12]}/revoke/", follow=True)
        assert b"The key Farm is revoked" in page.content
        answer = Client().get("/api/v1/meters", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 401
        again = client.post(f"{PAGE}{key[4:12]}/revoke/", follow=True)
        assert b"revoked before" in again.content
        assert events_of(acme)[1:] == [KeyRevoked(prefix=key[4:12], name="Farm")]

    def test_needs_a_name(self, as_user, owner):
        page = as_user(owner).post(PAGE, {"name": " "})
        assert b"This field is required." in page.content
        assert not ApiKey.objects.exists()

    def test_of_others_cannot_be_revoked(self, as_user, owner, stranger):
        create_api_key(organisation=stranger.organisations.get(), name="theirs", now=NOON)
        as_user(owner).post(f"{PAGE}{ApiKey.objects.get().prefix}/revoke/")
        assert ApiKey.objects.get().revoked_at is None


class TestTheLastUse:
    @pytest.fixture
    def key(self, acme) -> str:
        return create_api_key(organisation=acme, name="Farm", now=NOON)

    def used_at(self) -> datetime | None:
        return ApiKey.objects.get().last_used_at

    def test_is_written_once_a_minute(self, key, django_assert_num_queries):
        with django_assert_num_queries(1):  # what finds the key passes Django's log by
            authenticate(key, now=NOON)
        for seconds in (1, 59):
            with django_assert_num_queries(0):
                authenticate(key, now=NOON + timedelta(seconds=seconds))
        assert self.used_at() == NOON
        authenticate(key, now=NOON + timedelta(seconds=60))
        assert self.used_at() == NOON + timedelta(seconds=60)

    def test_is_not_that_of_a_wrong_or_a_revoked_key(self, key):
        authenticate(f"{key}x", now=NOON)
        ApiKey.objects.update(revoked_at=NOON)
        authenticate(key, now=NOON)
        assert self.used_at() is None

    def test_is_on_the_page(self, key, as_user, owner):
        client = as_user(owner)
        assert b"Never" in client.get(PAGE).content
        authenticate(key, now=NOON)
        assert b"28 Nov 2026, 12:00" in client.get(PAGE).content
