"""The terms of a plan version: what the database refuses, freezes, and copies to a new draft."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.invoicing.charging.subscriptions import NotOnOffer, subscribe
from billing.metering.models import Dimension, Service
from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.plans import InvalidCharge, NotPublished, new_draft, publish, retire
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
)

pytestmark = pytest.mark.django_db

TERMS: dict[str, Any] = {
    "base_fee": Decimal(49),
    "base_fee_timing": "in_arrears",
    "base_fee_tax_class": "reduced",
    "minimum_commitment": Decimal(500),
    "commitment_tax_class": "exempt",
    "billing_period": "quarterly",
    "anchor": "anniversary",
    "tax_behaviour": "inclusive",
}


def terms_of_version(version: PlanVersion) -> dict[str, Any]:
    version.refresh_from_db()
    return {name: getattr(version, name) for name in TERMS}


def changed(version: PlanVersion, **fields: Any) -> None:
    with transaction.atomic():
        PlanVersion.objects.filter(pk=version.pk).update(**fields)


def test_a_version_is_monthly_by_the_calendar_and_has_no_fee_unless_it_says_otherwise() -> None:
    assert terms_of_version(make_draft(prices={})) == {
        "base_fee": 0,
        "base_fee_timing": "in_advance",
        "base_fee_tax_class": "standard",
        "minimum_commitment": None,
        "commitment_tax_class": "standard",
        "billing_period": "monthly",
        "anchor": "calendar",
        "tax_behaviour": "exclusive",
    }


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"base_fee": -1}, "plan_version_amounts_are_not_negative"),
        ({"minimum_commitment": -1}, "plan_version_amounts_are_not_negative"),
        ({"base_fee_timing": "never"}, "plan_version_terms_are_known"),
        ({"billing_period": "weekly"}, "plan_version_terms_are_known"),
        ({"anchor": "moon"}, "plan_version_terms_are_known"),
        ({"tax_behaviour": ""}, "plan_version_terms_are_known"),
    ],
)
def test_the_database_refuses_terms_that_mean_nothing(
    fields: dict[str, Any], constraint: str
) -> None:
    draft = make_draft(prices={})
    with pytest.raises(IntegrityError, match=constraint):
        changed(draft, **fields)


@pytest.mark.parametrize("field", [*TERMS, "effective_on"])
def test_none_of_them_changes_once_it_is_published(field: str) -> None:
    version = make_plan(prices={make_service(): [(None, "1")]})
    terms = TERMS | {"effective_on": date(2027, 1, 1)}
    with pytest.raises(IntegrityError, match="never changes"):
        changed(version, **{field: terms[field]})


def test_a_new_draft_has_them_all_but_the_date() -> None:
    version = make_draft(prices={})
    changed(version, **TERMS, effective_on=date(2027, 1, 1))
    draft = new_draft(version=PlanVersion.objects.get(pk=version.pk))
    assert terms_of_version(draft) == TERMS
    assert draft.effective_on is None


class TestRetire:
    def test_leaves_subscribers_and_takes_no_new_ones(self) -> None:
        version = make_plan(prices={make_service(): [(None, "1")]})
        subscription = make_subscription(plan_version=version)
        retire(version=version)
        assert version.status == "retired"
        with pytest.raises(NotOnOffer):
            subscribe(
                organisation=make_organisation(),
                plan_version=version,
                starts_on=date(2027, 1, 1),
                now=LONG_AGO,
            )
        with pytest.raises(IntegrityError, match="is retired"), transaction.atomic():
            make_subscription(plan_version=version)
        # Who is on it can start on it anew, such as after a pause.
        make_subscription(
            plan_version=version,
            organisation=subscription.organisation,
            starts_on=date(2026, 5, 1),
        )

    def test_is_of_what_is_published_only(self) -> None:
        with pytest.raises(NotPublished, match="is draft, not published"):
            retire(version=make_draft(prices={make_service(): [(None, "1")]}))


def test_nobody_starts_on_a_version_before_it_is_in_effect() -> None:
    version = make_draft(prices={make_service(): [(None, "1")]})
    changed(version, effective_on=date(2027, 1, 1))
    publish(version=version, now=LONG_AGO)
    with pytest.raises(IntegrityError, match="not in effect"), transaction.atomic():
        make_subscription(plan_version=version, starts_on=date(2026, 12, 31))
    make_subscription(plan_version=version, starts_on=date(2027, 1, 1))


class TestPricesByValue:
    @pytest.fixture
    def service(self) -> Service:
        service = make_service()
        for name in ("region", "tier"):
            Dimension.objects.create(definition=service.definitions.get(), name=name, path=name)
        return service

    def version(self, service: Service, *parts: tuple[str, str], **fields: Any) -> PlanVersion:
        version = make_draft(prices={})
        for dimension, value in parts:
            charge = Charge.objects.create(
                version=version,
                service=service,
                dimension=dimension,
                value=value,
                **{"model": "per_unit", **fields},
            )
            Tier.objects.create(charge=charge, unit_price=1)
        return version

    def test_are_published_with_one_for_the_rest(self, service: Service) -> None:
        version = self.version(service, ("region", "eu"), ("region", "us"), ("", ""))
        publish(version=version, now=LONG_AGO)
        assert version.status == "published"

    def test_come_once(self, service: Service) -> None:
        with pytest.raises(IntegrityError, match="one_charge_per_version_service_value"):
            self.version(service, ("region", "eu"), ("region", "eu"))

    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ([("region", "eu")], "add a charge without a value"),
            ([("region", "eu"), ("tier", "hot"), ("", "")], "not region and tier"),
            ([("colour", "red"), ("", "")], "tells no colour apart"),
        ],
    )
    def test_would_not_price_all_usage_once(
        self, service: Service, parts: list[tuple[str, str]], message: str
    ) -> None:
        with pytest.raises(InvalidCharge, match=message):
            publish(version=self.version(service, *parts), now=LONG_AGO)

    @pytest.mark.parametrize(
        "parts", [[("region", "eu")], [("region", "eu"), ("tier", "hot"), ("", "")]]
    )
    def test_are_refused_by_the_database_whoever_publishes(
        self, service: Service, parts: list[tuple[str, str]]
    ) -> None:
        version = self.version(service, *parts)
        with pytest.raises(IntegrityError, match="one dimension of a service"):
            changed(version, status="published", published_at=LONG_AGO)


def test_a_percentage_is_of_a_service_that_adds_up() -> None:
    version = make_draft(prices={make_service(aggregation="max"): [(None, "1")]})
    version.charges.update(model="percentage")
    with pytest.raises(InvalidCharge, match="its aggregation must be Sum"):
        publish(version=version, now=LONG_AGO)
