"""The operator's pages of price plans, in Django's admin."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from sequences.models import Sequence

from billing.invoicing.closing.close import close_period
from billing.metering.models import Service
from billing.periods import month_of
from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.pricing.plans import new_draft
from billing.pricing.words import in_words
from catacloud.accounts.models import User
from tests.factories import (
    make_draft,
    make_organisation,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
    make_usage_row,
)

GRADUATED = [("100", "0.10"), (None, "0.05")]
NO_TERMS = {"rounding": "up", "allowance": "0", "tax_class": "standard"}
TERMS = {
    "currency": "EUR",
    "billing_period": "monthly",
    "anchor": "calendar",
    "tax_behaviour": "exclusive",
    "base_fee": "0",
    "base_fee_timing": "in_advance",
    "base_fee_tax_class": "standard",
    "commitment_tax_class": "standard",
}


@pytest.fixture
def operator(db: None, settings: Settings, tmp_path: Path, client: Client) -> Client:
    # The pages, without the files that collectstatic makes.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.STATIC_ROOT = tmp_path
    client.force_login(User.objects.create_superuser("operator@example.com", "a-long-password"))
    return client


def page(obj: Any, kind: str = "change") -> str:
    return reverse(f"admin:billing_{obj._meta.model_name}_{kind}", args=[obj.pk])


def tier_form(*tiers: Tier | tuple[str, str], **more: str) -> dict[str, str]:
    """Return what the browser sends from a charge's page: its tiers, changed or new."""
    stored = [tier for tier in tiers if isinstance(tier, Tier)]
    form = {"tiers-TOTAL_FORMS": str(len(tiers)), "tiers-INITIAL_FORMS": str(len(stored))}
    for index, tier in enumerate(tiers):
        if isinstance(tier, Tier):
            form[f"tiers-{index}-id"] = str(tier.pk)
            tier = (str(tier.up_to or ""), str(tier.unit_price))
        form[f"tiers-{index}-up_to"], form[f"tiers-{index}-unit_price"] = tier
        form[f"tiers-{index}-flat_fee"] = "0"
    return {"model": "graduated", **NO_TERMS, **form, **more}


class TestAPlanFromNothing:
    def test_is_made_priced_and_published(self, operator: Client) -> None:
        service = make_service(slug="hours")
        operator.post(
            reverse("admin:billing_plan_add"), inline("versions") | {"name": "Pro", "slug": "pro"}
        )
        plan = Plan.objects.get(slug="pro")
        operator.post(
            reverse("admin:billing_planversion_add"),
            {"plan": plan.pk, **TERMS, **inline("charges", total=1)}
            | {"charges-0-service": service.pk, "charges-0-model": "graduated"},
        )
        version = plan.versions.get()
        charge = version.charges.get()
        operator.post(page(charge), tier_form(("100", "0.10"), ("", "0.05")))

        asked = operator.post(changelist(), action("publish", version))
        assert "0.1 up to 100, 0.05 above" in asked.content.decode()
        version.refresh_from_db()
        assert (version.number, version.status) == (1, "draft")

        said = operator.post(changelist(), action("publish", version, confirmed="yes"), follow=True)
        assert "Pro 1 is published" in said.content.decode()
        version.refresh_from_db()
        assert version.status == "published"


class TestTiers:
    @pytest.fixture
    def charge(self, operator: Client) -> Charge:
        return make_draft(prices={make_service(): GRADUATED}).charges.get()

    @pytest.mark.parametrize(
        ("tiers", "message"),
        [
            ([("100", "0.10")], "The last tier must be without end."),
            ([("", "0.10"), ("", "0.05")], "Only the last tier may be without end."),
            ([("5", "0.10"), ("5", "0.05"), ("", "1")], "Please correct the duplicate data"),
            ([("0", "0.10"), ("", "1")], "A tier must end above zero."),
            ([("", "-1")], "A unit price must not be below zero."),
            ([("x", "1")], "Enter a number."),
            ([("", "NaN")], "Enter a number."),
        ],
    )
    def test_a_mistake_is_a_sentence_on_the_form(
        self, operator: Client, charge: Charge, tiers: list[tuple[str, str]], message: str
    ) -> None:
        Tier.objects.all().delete()
        response = operator.post(page(charge), tier_form(*tiers))
        assert response.status_code == 200
        assert message in response.content.decode()
        assert not Tier.objects.exists()

    def test_steps_in_a_charge_per_unit_are_a_mistake(
        self, operator: Client, charge: Charge
    ) -> None:
        response = operator.post(page(charge), tier_form(*charge.tiers.all(), model="per_unit"))
        assert "A single price has one tier, without end, fee or cap." in response.content.decode()

    def test_of_a_tax_class_without_a_rate_are_a_mistake(
        self, operator: Client, charge: Charge
    ) -> None:
        make_seller()
        form = tier_form(*charge.tiers.all())
        response = operator.post(page(charge), form | {"tax_class": "reduzed"})
        assert "standard, exempt, reduced are known." in response.content.decode()
        operator.post(page(charge), form | {"tax_class": "reduced"})
        assert in_words(Charge.objects.get()) == "0.1 up to 100, 0.05 above; tax class reduced"

    def test_have_fees_and_caps(self, operator: Client, charge: Charge) -> None:
        form = tier_form(*charge.tiers.all())
        operator.post(page(charge), form | {"tiers-0-flat_fee": "2", "tiers-1-cap": "30"})
        assert list(charge.tiers.values_list("flat_fee", "cap")) == [
            (Decimal(2), None),
            (Decimal(0), Decimal(30)),
        ]

    def test_are_shown_without_trailing_zeros(self, operator: Client, charge: Charge) -> None:
        html = operator.get(page(charge)).content.decode()
        assert 'value="0.05"' in html
        assert 'value="100"' in html
        assert "0E-12" not in html + operator.get(page(charge.version)).content.decode()

    def test_can_be_changed_while_a_draft(self, operator: Client, charge: Charge) -> None:
        first, last = charge.tiers.all()
        first.up_to, last.unit_price = Decimal(50), Decimal("0.01")
        assert operator.post(page(charge), tier_form(first, last)).status_code == 302
        assert list(charge.tiers.values_list("up_to", "unit_price")) == [
            (Decimal(50), Decimal("0.10")),
            (None, Decimal("0.01")),
        ]


class TestAChargeWithoutTiers:
    @pytest.fixture
    def draft(self, operator: Client) -> PlanVersion:
        return make_draft(prices={})

    def test_is_a_price_of_packages(self, operator: Client, draft: PlanVersion) -> None:
        form = {"version": draft.pk, "service": make_service().pk, **tier_form(model="package")}
        page_of_new = reverse("admin:billing_charge_add")
        refused = operator.post(page_of_new, form | {"amount": "5"}).content.decode()
        assert "A package has a size above zero" in refused
        operator.post(page_of_new, form | {"amount": "5", "package_size": "100"})
        html = operator.get(page(draft)).content.decode()
        assert "5 for each 100" in html

    def test_takes_no_tiers(self, operator: Client, draft: PlanVersion) -> None:
        tiers = tier_form(("", "1"), model="flat", amount="5")
        form = {"version": draft.pk, "service": make_service().pk, **tiers}
        refused = operator.post(reverse("admin:billing_charge_add"), form).content.decode()
        assert "A flat price and a package have no tiers." in refused
        assert not Charge.objects.exists()


class TestAPublishedVersion:
    @pytest.fixture
    def published(self, operator: Client) -> PlanVersion:
        return make_plan(prices={make_service(): GRADUATED})

    def test_can_be_read_but_not_changed(self, operator: Client, published: PlanVersion) -> None:
        charge = published.charges.get()
        for path, form in [
            (page(published), {"currency": "USD", **inline("charges")}),
            (page(charge), tier_form(*charge.tiers.all())),
            (page(published, "delete"), {"post": "yes"}),
            (page(charge, "delete"), {"post": "yes"}),
        ]:
            assert operator.post(path, form).status_code == 403
        for path in [page(published), page(charge)]:
            html = operator.get(path).content.decode()
            assert 'name="_save"' not in html
            assert "0.1" in html

    def test_is_shown_without_trailing_zeros_and_empty_headings(
        self, operator: Client, published: PlanVersion
    ) -> None:
        shown = operator.get(page(published)).content.decode()
        assert '<div class="readonly">0</div>' in shown  # the base fee
        assert ".000" not in shown
        assert not re.search(r"<th[^>]*>\s*</th>", shown)

    def test_takes_no_new_charge(self, operator: Client, published: PlanVersion) -> None:
        form = {"version": published.pk, "service": make_service().pk, **tier_form(("", "1"))}
        response = operator.post(reverse("admin:billing_charge_add"), form)
        assert "Select a valid choice" in response.content.decode()

    def test_survives_deletion_from_the_list(
        self, operator: Client, published: PlanVersion
    ) -> None:
        form = action("delete_selected", published) | {"post": "yes"}
        assert operator.post(changelist(), form).status_code in {200, 302, 403}
        assert PlanVersion.objects.filter(pk=published.pk).exists()

    def test_cannot_be_published_again(self, operator: Client, published: PlanVersion) -> None:
        said = operator.post(changelist(), action("publish", published, confirmed="y"), follow=True)
        assert "is not a draft (any more)" in said.content.decode()

    def test_is_duplicated_after_a_confirmation(
        self, operator: Client, published: PlanVersion
    ) -> None:
        operator.post(changelist(), action("duplicate", published))
        assert PlanVersion.objects.count() == 1
        operator.post(changelist(), action("duplicate", published, confirmed="yes"))
        draft = PlanVersion.objects.get(status="draft")
        assert (draft.plan, draft.number) == (published.plan, 2)
        assert draft.charges.get().tiers.count() == 2


class TestThePreview:
    """What the form as it stands would cost: nothing is saved."""

    @pytest.fixture
    def charge(self, operator: Client) -> Charge:
        return make_draft(prices={make_service(): GRADUATED}).charges.get()

    def test_says_what_quantities_cost(self, operator: Client, charge: Charge) -> None:
        first, last = charge.tiers.all()
        first.unit_price = Decimal("0.2")
        html = operator.post(preview(charge), tier_form(first, last)).content.decode()
        assert [amount in html for amount in ("€0.20", "€20.00", "€515.00", "10,000 h")] == [
            True
        ] * 4
        assert charge.tiers.get(up_to=100).unit_price == Decimal("0.1")

    def test_is_there_before_a_charge_is_stored(self, operator: Client, charge: Charge) -> None:
        form: dict[str, object] = {"version": charge.version_id, "service": make_service().pk}
        form |= tier_form(("", "1.3"), model="percentage", event_fee="0.25")
        html = operator.post(reverse("admin:billing_charge_preview"), form).content.decode()
        assert "in one event each" in html
        assert "€1.55" in html
        assert Charge.objects.count() == 1

    @pytest.mark.parametrize(
        ("tiers", "more", "message"),
        [
            ([("100", "1")], {}, "The last tier must be without end."),
            ([("", "x")], {}, "Enter a number."),
            ([("", "1")], {"allowance": "-1"}, "No term of a charge is below zero."),
            ([("", "1")], {"model": "nonsense"}, "Select a valid choice."),
        ],
    )
    def test_of_a_mistake_is_its_sentence(
        self,
        operator: Client,
        charge: Charge,
        tiers: list[tuple[str, str]],
        more: dict[str, str],
        message: str,
    ) -> None:
        response = operator.post(preview(charge), tier_form(*tiers, **more))
        assert response.status_code == 200
        assert message in response.content.decode()

    def test_of_no_form_at_all_is_no_error(self, operator: Client, charge: Charge) -> None:
        assert operator.post(preview(charge), {}).status_code == 200

    def test_is_for_operators(self, charge: Charge) -> None:
        assert Client().post(preview(charge), {}).status_code == 302

    def test_is_on_the_page_without_a_script_of_its_own(
        self, operator: Client, charge: Charge
    ) -> None:
        html = operator.get(page(charge)).content.decode()
        assert f'hx-post="{preview(charge)}"' in html
        assert operator.get(reverse("admin:billing_charge_add")).status_code == 200


class TestWhatChanges:
    @pytest.fixture
    def draft(self, operator: Client) -> PlanVersion:
        """A second version at half the price, beside a first one that Acme is on."""
        first = make_plan(prices={make_service(slug="hours"): [(None, "2")]})
        make_subscription(plan_version=first, organisation=make_organisation("Acme"))
        draft = new_draft(version=first)
        Tier.objects.filter(charge__version=draft).update(unit_price=1)
        return draft

    def test_is_said_beside_any_other_version(self, operator: Client, draft: PlanVersion) -> None:
        html = operator.get(page(draft, "compare")).content.decode()
        assert "hours, per h: 1; it was 2." in html
        first = draft.plan.versions.get(number=1)
        html = operator.get(page(first, "compare") + f"?with={draft.pk}").content.decode()
        assert "hours, per h: 2; it was 1." in html
        assert operator.get(page(first, "compare") + "?with=0").status_code == 404

    def test_is_asked_before_it_is_published_with_who_stays(
        self, operator: Client, draft: PlanVersion
    ) -> None:
        html = operator.post(changelist(), action("publish", draft)).content.decode()
        assert "hours, per h: 1; it was 2." in html
        assert f"Nobody moves to {draft} by itself" in html
        assert f"1 stays on {draft.plan} 1, at the prices there: Acme." in html

    def test_is_retired_after_a_confirmation_that_says_who_stays(
        self, operator: Client, draft: PlanVersion
    ) -> None:
        first = draft.plan.versions.get(number=1)
        html = operator.post(changelist(), action("retire", first)).content.decode()
        assert "1 stays on it: Acme." in html
        operator.post(changelist(), action("retire", first, confirmed="yes"))
        first.refresh_from_db()
        assert first.status == "retired"
        said = operator.post(changelist(), action("retire", first, confirmed="y"), follow=True)
        assert "is retired, not published" in said.content.decode()

    def test_can_be_done_from_the_versions_own_page(
        self, operator: Client, draft: PlanVersion
    ) -> None:
        html = operator.get(page(draft)).content.decode()
        assert 'value="publish"' in html
        assert 'value="retire"' not in html


class TestWhatIsOnlyLookedAt:
    def test_every_page_opens(self, operator: Client) -> None:
        service = make_service()
        subscription = make_subscription(plan_version=make_plan(prices={service: GRADUATED}))
        month = month_of(datetime(2026, 10, 1, tzinfo=UTC).date())
        usage = make_usage_row(
            organisation=subscription.organisation, service=service, day=month.first, quantity=9
        )
        invoice = close_period(
            organisation=subscription.organisation, days=month, now=month.ends_at
        )
        plan = subscription.plan_version.plan
        for obj in [subscription, usage, invoice, service, plan]:
            assert operator.get(page(obj)).status_code == 200
        for obj in [subscription, usage, invoice]:
            assert operator.post(page(obj), {}).status_code == 403
            assert operator.post(page(obj, "delete"), {"post": "yes"}).status_code == 403
        for model in [type(obj) for obj in [subscription, usage, invoice, service, plan]]:
            path = reverse(f"admin:billing_{model._meta.model_name}_changelist")
            assert operator.get(path).status_code == 200

    def test_a_service_keeps_its_meaning(self, operator: Client) -> None:
        service = make_service()
        none = {"definitions-TOTAL_FORMS": "0", "definitions-INITIAL_FORMS": "0"}
        operator.post(page(service), {"name": "Computing", "unit_size": "60", **none})
        service = Service.objects.get(pk=service.pk)
        assert (service.name, service.unit_size) == ("Computing", Decimal(3600))


def test_the_counters_of_invoice_numbers_are_not_for_editing() -> None:
    assert not admin.site.is_registered(Sequence)


def preview(charge: Charge) -> str:
    return reverse("admin:billing_charge_preview", args=[charge.pk])


def changelist() -> str:
    return reverse("admin:billing_planversion_changelist")


def action(name: str, version: PlanVersion, **more: str) -> dict[str, object]:
    return {"action": name, "_selected_action": [version.pk], **more}


def inline(prefix: str, *, total: int = 0) -> dict[str, object]:
    return {f"{prefix}-TOTAL_FORMS": total, f"{prefix}-INITIAL_FORMS": 0}
