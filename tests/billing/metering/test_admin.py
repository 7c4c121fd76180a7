"""What operators may not do to services and organisations."""

import pytest

from billing.metering.models import Service
from catacloud.accounts.models import Organisation

pytestmark = pytest.mark.django_db


def test_a_service_that_events_may_name_is_not_deleted(as_user, operator):
    service = Service.objects.get(slug="storage")
    client = as_user(operator)
    assert client.post(f"/admin/billing/service/{service.pk}/delete/").status_code == 403
    assert Service.objects.filter(pk=service.pk).exists()


def test_what_a_service_measures_does_not_change(as_user, operator):
    service = Service.objects.get(slug="storage")
    as_user(operator).post(
        f"/admin/billing/service/{service.pk}/change/", {"name": "Disk", "slug": "disk"}
    )
    service.refresh_from_db()
    assert (service.name, service.slug) == ("Disk", "storage")


def test_an_organisation_that_has_events_is_not_deleted(as_user, operator, acme):
    client = as_user(operator)
    assert client.post(f"/admin/accounts/organisation/{acme.pk}/delete/").status_code == 403
    assert Organisation.objects.filter(pk=acme.pk).exists()
