"""An operator edits a draft's tiers, sees at once what they cost, and publishes it."""

import os

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from billing.pricing.plans import new_draft
from tests.factories import make_organisation, make_plan, make_service, make_subscription
from tests.journeys.accessibility import assert_accessible

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("SHOTS")


def shot(page, name):
    if SHOTS:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})


def test_a_draft_is_priced_with_a_preview_and_published(page, sign_in, operator, complaints):
    first = make_plan(prices={make_service(slug="hours"): [("100", "0.10"), (None, "0.05")]})
    make_subscription(plan_version=first, organisation=make_organisation("Nordlicht"))
    draft = new_draft(version=first)
    sign_in(operator)

    page.goto(reverse("admin:billing_charge_change", args=[draft.charges.get().pk]))
    preview = page.locator("[hx-post]")
    expect(preview).to_contain_text("€505.00")
    page.locator("#id_tiers-0-unit_price").fill("0.20")
    expect(preview).to_contain_text("€515.00")
    assert complaints == []
    assert_accessible(page, scheme="light", context=".preview")
    shot(page, "charge")
    page.get_by_role("button", name="Save", exact=True).click()

    page.goto(reverse("admin:billing_planversion_change", args=[draft.pk]))
    shot(page, "version")
    page.get_by_role("button", name="Publish…").click()
    expect(page.locator("#content")).to_contain_text("1 stays on")
    expect(page.locator("#content")).to_contain_text("it was 0.1 up to 100, 0.05 above")
    shot(page, "publish")
    page.get_by_role("button", name="Yes, publish").click()
    expect(page.locator(".messagelist")).to_contain_text("is published")
    page.goto(reverse("admin:billing_planversion_compare", args=[draft.pk]))
    shot(page, "compare")
