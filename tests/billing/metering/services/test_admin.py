"""What operators may not do to services and organisations."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.metering.events import VOIDED
from billing.metering.models import Definition, Service
from catacloud.accounts.models import Organisation

NO_DEFINITIONS = {"definitions-TOTAL_FORMS": "0", "definitions-INITIAL_FORMS": "0"}
pytestmark = pytest.mark.django_db


def test_a_service_that_events_may_name_is_not_deleted(as_user, operator):
    service = Service.objects.get(slug="storage")
    client = as_user(operator)
    assert client.post(f"/admin/billing/service/{service.pk}/delete/").status_code == 403
    assert Service.objects.filter(pk=service.pk).exists()


def test_what_a_service_measures_does_not_change(as_user, operator):
    service = Service.objects.get(slug="storage")
    as_user(operator).post(
        f"/admin/billing/service/{service.pk}/change/",
        {"name": "Disk", "slug": "disk", **NO_DEFINITIONS},
    )
    service.refresh_from_db()
    assert (service.name, service.slug) == ("Disk", "storage")


def test_an_organisation_that_has_events_is_not_deleted(as_user, operator, acme):
    client = as_user(operator)
    assert client.post(f"/admin/accounts/organisation/{acme.pk}/delete/").status_code == 403
    assert Organisation.objects.filter(pk=acme.pk).exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit_size": "0"}, "The unit size must be above zero."),
        ({"aggregation": "level", "level_unit": "GB"}, "A level over time has a level unit"),
        ({"aggregation": "level", "level_unit_size": "1"}, "A level over time has a level unit"),
        ({"slug": "12"}, "would be taken for an id"),
    ],
)
def test_what_is_wrong_with_a_service_is_said(as_user, operator, changes, said):
    fields = {"slug": "tokens", "name": "Tokens", "aggregation": "sum", "unit": "t", "unit_size": 1}
    page = as_user(operator).post(
        "/admin/billing/service/add/", {**fields, **NO_DEFINITIONS, **changes}
    )
    assert said in page.content.decode()
    assert not Service.objects.filter(name="Tokens").exists()


class TestADefinition:
    def add(self, client, service, starts_at, **changes):
        fields = {
            "service": service.pk,
            "starts_at_0": f"{starts_at:%Y-%m-%d}",
            "starts_at_1": f"{starts_at:%H:%M:%S}",
            "event_types": "a.b, c.d",
            "quantity_path": "usage.seconds",
            "dimensions-TOTAL_FORMS": "1",
            "dimensions-INITIAL_FORMS": "0",
            "dimensions-0-name": "region",
            "dimensions-0-path": "region",
            "dimensions-0-at_most": "5",
        }
        return client.post("/admin/billing/definition/add/", {**fields, **changes})

    def test_is_added_with_its_dimensions_and_starts_later(self, as_user, operator):
        service, later = Service.objects.get(slug="storage"), timezone.now() + timedelta(hours=1)
        assert self.add(as_user(operator), service, later).status_code == 302
        definition = service.definitions.latest("starts_at")
        assert definition.event_types == ["a.b", "c.d"]
        assert definition.dimensions.get().at_most == 5

    def test_takes_paths_in_the_notation_of_programs(self, as_user, operator):
        service, later = Service.objects.get(slug="storage"), timezone.now() + timedelta(hours=1)
        paths = {"quantity_path": "$.usage.bytes", "dimensions-0-path": "$['at']['region']"}
        assert self.add(as_user(operator), service, later, **paths).status_code == 302
        definition = service.definitions.latest("starts_at")
        assert definition.quantity_path == "usage.bytes"
        assert definition.dimensions.get().path == "at.region"
        answer = self.add(as_user(operator), service, later, quantity_path="$.a[*]")
        assert "names no single field" in answer.content.decode()

    def test_that_starts_earlier_says_how_earlier_events_are_counted(self, as_user, operator):
        service = Service.objects.create(slug="tokens", aggregation="sum", unit_size=1)
        client = as_user(operator)
        assert self.add(client, service, timezone.now() - timedelta(days=1)).status_code == 302
        page = client.get("/admin/billing/definition/").content.decode()
        assert "rebuild_usage --service tokens" in page

    def test_does_not_start_before_what_was_counted(self, as_user, operator):
        service = Service.objects.get(slug="storage")
        answer = self.add(as_user(operator), service, timezone.now())
        assert "at least ten minutes from now" in answer.content.decode()
        assert service.definitions.count() == 1

    def test_needs_a_quantity_but_for_a_count(self, as_user, operator):
        service, later = Service.objects.get(slug="storage"), timezone.now() + timedelta(hours=1)
        answer = self.add(as_user(operator), service, later, quantity_path="")
        assert "only a count needs none" in answer.content.decode()

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", "subject", "subject is the organisation&#x27;s"),
            ("at_most", "0", "From 1 to 10000 values"),
            ("at_most", "10001", "From 1 to 10000 values"),
        ],
    )
    def test_tells_values_apart_that_can_be(self, as_user, operator, field, value, said):
        service, later = Service.objects.get(slug="storage"), timezone.now() + timedelta(hours=1)
        answer = self.add(as_user(operator), service, later, **{f"dimensions-0-{field}": value})
        assert said in answer.content.decode()
        assert service.definitions.count() == 1

    def test_counts_no_corrections(self, as_user, operator):
        service, later = Service.objects.get(slug="storage"), timezone.now() + timedelta(hours=1)
        answer = self.add(as_user(operator), service, later, event_types="a.b, " + VOIDED)
        assert "corrects usage" in answer.content.decode()

    def test_is_kept_as_it_is_by_the_database(self):
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            Definition.objects.update(quantity_path="other")
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            Definition.objects.all()._raw_delete("default")
