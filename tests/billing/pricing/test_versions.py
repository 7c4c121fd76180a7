"""The terms of a plan version: what the database refuses, freezes, and copies to a new draft."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.pricing.models import PlanVersion
from billing.pricing.plans import new_draft
from tests.factories import make_draft, make_plan, make_service

pytestmark = pytest.mark.django_db

TERMS: dict[str, Any] = {
    "base_fee": Decimal(49),
    "base_fee_timing": "in_arrears",
    "minimum_commitment": Decimal(500),
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
        "minimum_commitment": None,
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
