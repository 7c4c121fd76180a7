"""An operator edits a draft's tiers, sees at once what they cost, publishes it, and moves customers
there once a simulation has said what that changes.
"""

import os

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Subscription
from billing.migrating import tasks
from billing.periods import month_before, month_of
from billing.pricing.plans import new_draft
from tests.factories import (
    LONG_AGO,
    make_organisation,
    make_plan,
    make_service,
    make_usage_row,
)
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


@pytest.fixture
def nordlicht(monkeypatch):
    """A customer whose last month is invoiced: 200 h on the first version."""
    for task in (tasks.simulate_part, tasks.run_migration):
        monkeypatch.setattr(task, "delay", task)
    hours, now = make_service(slug="hours"), timezone.now()
    first = make_plan(prices={hours: [("100", "0.10"), (None, "0.05")]})
    one, days = make_organisation("Nordlicht"), month_before(month_of(now.date()))
    subscribe(organisation=one, plan_version=first, starts_on=days.first, now=LONG_AGO)
    make_usage_row(organisation=one, service=hours, day=days.first, quantity=200 * 3600)
    close_period(organisation=one, days=days, now=now)
    return one


def test_a_draft_is_priced_published_and_its_customers_are_migrated(
    page, sign_in, operator, nordlicht, complaints
):
    first = nordlicht.subscriptions.get().plan_version
    draft = new_draft(version=first)
    sign_in(operator)

    page.goto(reverse("admin:billing_charge_change", args=[draft.charges.get().pk]))
    preview = page.locator("[hx-post]")
    expect(preview).to_contain_text("€505.00")
    page.locator("#id_tiers-0-unit_price").fill("0.20")
    expect(preview).to_contain_text("€515.00")
    assert complaints == []
    assert_accessible(page, scheme="light", context=".preview")
    complaints.clear()  # axe tries styles of its own, which the page's policy refuses
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

    page.goto(reverse("admin:billing_planmigration_add"))
    page.get_by_label("From version").select_option(str(first))
    page.get_by_label("To version").select_option(str(draft))
    page.get_by_label("Reason").fill("New prices from now on.")
    shot(page, "migration-name")
    page.get_by_role("button", name="Name them").click()
    expect(page.locator("#content")).to_contain_text("It has not been simulated yet.")
    page.get_by_role("button", name="Simulate").click()
    # 100 h at 0.10 and 100 at 0.05 were 15.00; at 0.20 and 0.05 they would have been 25.00.
    for figure in ("€15.00", "€25.00", "€10.00"):
        expect(page.get_by_role("row", name="Nordlicht")).to_contain_text(figure)
    shot(page, "migration-simulated")
    page.get_by_role("button", name="Confirm…").click()
    shot(page, "migration-confirm")
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page.locator("#content")).to_contain_text("1 of 1")
    shot(page, "migration-done")
    moved = Subscription.objects.get(organisation=nordlicht, plan_version=draft)
    assert moved.starts_on == month_of(timezone.now().date()).end
    assert complaints == []
