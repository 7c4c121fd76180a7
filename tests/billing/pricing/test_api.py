"""Plans as programs read them."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.pricing.plans import new_draft, publish, retire
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import Organisation
from tests.factories import LONG_AGO, make_draft, make_plan, make_service, make_subscription

pytestmark = pytest.mark.django_db


def ask(path: str, *, of: Organisation | None) -> Any:
    key = create_api_key(organisation=of, name="test", now=timezone.now())
    return Client().get(f"/api/v1/plans{path}", headers={"authorization": f"Bearer {key}"})


def versions(of: Organisation | None) -> list[tuple[int, str]]:
    return [(one["version"], one["status"]) for one in ask("", of=of).json()]


@pytest.fixture
def plan(db: None) -> str:
    """A plan of a retired, a published and a draft version; its slug."""
    first = make_plan(prices={make_service(slug="hours"): [("100", "0.10"), (None, "0.05")]})
    second = new_draft(version=first)
    publish(version=second, now=LONG_AGO)
    new_draft(version=second)
    return first.plan.slug


def test_a_version_tells_its_terms_and_prices_in_numbers_and_in_words(plan: str) -> None:
    told = ask(f"/{plan}/versions/1", of=None).json()
    [charge] = told.pop("charges")
    assert told == {
        "plan": plan,
        "name": plan,
        "version": 1,
        "status": "published",
        "publishedAt": "2026-01-01T00:00:00Z",
        "effectiveOn": None,
        "currency": "EUR",
        "billingPeriod": "monthly",
        "anchor": "calendar",
        "baseFee": "0",
        "baseFeeTiming": "in_advance",
        "baseFeeTaxClass": "standard",
        "minimumCommitment": None,
        "commitmentTaxClass": "standard",
        "taxBehaviour": "exclusive",
    }
    assert charge["description"] == "0.1 up to 100, 0.05 above"
    assert charge["tiers"] == [
        {"upTo": "100", "unitPrice": "0.1", "flatFee": "0", "cap": None},
        {"upTo": None, "unitPrice": "0.05", "flatFee": "0", "cap": None},
    ]
    assert (charge["service"], charge["unit"], charge["dimension"]) == ("hours", "h", None)


def test_the_platform_sees_all_versions(plan: str) -> None:
    assert versions(None) == [(1, "published"), (2, "published"), (3, "draft")]


def test_an_organisation_sees_what_is_published_and_what_it_is_on(
    plan: str, acme: Organisation
) -> None:
    subscription = make_subscription(plan_version=make_plan(prices={make_service(): [(None, "1")]}))
    own = subscription.plan_version
    retire(version=own)
    make_draft(prices={})
    assert versions(acme) == [(1, "published"), (2, "published")]
    assert sorted(versions(subscription.organisation)) == [
        (1, "published"),
        (1, "retired"),
        (2, "published"),
    ]
    assert ask(f"/{own.plan.slug}/versions/1", of=subscription.organisation).status_code == 200
    assert ask(f"/{own.plan.slug}/versions/1", of=acme).status_code == 404


@pytest.mark.parametrize(
    "path", ["/nothing/versions/1", "/%00/versions/1", "/plan/versions/99999999999999999999"]
)
def test_what_there_is_not_is_a_problem_404(path: str) -> None:
    response = ask(path, of=None)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_nobody_reads_plans_without_a_key(plan: str) -> None:
    assert Client().get("/api/v1/plans").status_code == 401
