"""What operators do in the admin is in the organisation's log as well."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey, Organisation, User
from catacloud.org_settings.events import TimeZoneChanged
from tests.catacloud.org_settings.events import events_of
from tests.factories import LONG_AGO

pytestmark = pytest.mark.django_db


def test_a_time_zone_changed_by_an_operator_is_in_the_log(as_user, operator, acme):
    page = f"/admin/accounts/organisation/{acme.pk}/change/"
    client = as_user(operator)
    assert b"/organisations/acme/settings/members/" in client.get(page).content
    fields = {"slug": "acme", "name": "Acme", "time_zone": "Europe/Berlin"}
    assert client.post(page, fields).status_code == 302
    acme.refresh_from_db()
    assert acme.time_zone == "Europe/Berlin"
    assert events_of(acme) == [TimeZoneChanged(was="UTC", time_zone="Europe/Berlin")]


def test_an_organisation_is_added_as_of_now(as_user, operator):
    client, page = as_user(operator), "/admin/accounts/organisation/add/"
    assert b"once it is saved" in client.get(page).content
    client.post(page, {"slug": "globex", "name": "Globex", "time_zone": "UTC"})
    created = Organisation.objects.get(slug="globex").created_at
    assert timezone.now() - created < timedelta(hours=1)


def test_an_owner_is_not_deleted(as_user, operator, owner, member):
    client = as_user(operator)
    for user in (owner, member):
        client.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"})
        selected = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        client.post("/admin/accounts/user/", selected)
    assert owner in User.objects.all()
    assert member not in User.objects.all()


def test_a_key_of_an_organisation_is_revoked_in_its_settings_only(as_user, operator, acme):
    create_api_key(organisation=acme, name="Farm", now=LONG_AGO)
    page = f"/admin/accounts/apikey/{ApiKey.objects.get().pk}/change/"
    as_user(operator).post(page, {"revoked_at_0": "2026-01-01", "revoked_at_1": "00:00:00"})
    assert ApiKey.objects.get().revoked_at is None
