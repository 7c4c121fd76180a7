"""What a customer does with invoices, in a real browser."""

from datetime import UTC, date, datetime

import pytest
from django.core import mail
from playwright.sync_api import expect

from billing.budgets.tasks import watch_budget
from billing.invoicing.closing.close import close_period
from billing.invoicing.documents import issued_files
from billing.metering.folding import saga
from billing.periods import month_of
from eventstore import feed
from tests.billing.metering.sending import send
from tests.factories import (
    make_billing_details,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
)
from tests.journeys.accessibility import assert_accessible, assert_accessible_in_both

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def use(organisation, id, at):
    """Send an event that costs 15 cents, and count it."""
    send(organisation, (id, at, {"quantity": "7200"}))
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


@pytest.fixture
def invoice(acme):
    make_seller()
    plan = make_plan(prices={make_service(slug="tokens"): [("1", "0.10"), (None, "0.05")]})
    make_subscription(plan_version=plan, organisation=acme)
    make_billing_details(acme)
    use(acme, "job-7", "2026-10-09T07:15:00Z")
    made = close_period(organisation=acme, days=month_of(date(2026, 10, 1)), now=NOW)
    issued_files.issue(made, now=NOW)
    return made


def test_a_customer_opens_an_invoice_takes_its_pdf_and_is_told_that_a_budget_is_used_up(
    page, sign_in, owner, invoice, complaints
):
    sign_in(owner)
    page.goto("/organisations/acme/invoices/")
    expect(page.get_by_role("heading", name="So far this period")).to_be_visible()
    page.get_by_role("link", name=invoice.number).click()
    expect(page.get_by_role("cell", name="€0.15").first).to_be_visible()
    assert_accessible(page, scheme="light")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert download.value.suggested_filename == f"{invoice.number}.pdf"

    page.get_by_role("link", name="Why this amount?").click()
    page.get_by_role("link", name="9 Oct 2026").click()
    page.get_by_role("link", name="9 Oct, 07:00").click()
    expect(page.get_by_role("cell", name="job-7")).to_be_visible()
    assert_accessible(page, scheme="light")

    page.get_by_role("link", name="Costs").click()
    page.get_by_label("Amount for a billing period, in EUR").fill("0.10")
    page.get_by_role("button", name="Set the budget").click()
    expect(page.get_by_text("The budget is saved.")).to_be_visible()
    use(invoice.organisation, "job-8", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z")
    watch_budget(organisation_id=f"{invoice.organisation_id}")
    assert "100 % of the budget" in mail.outbox[-1].subject
    page.reload()
    expect(page.get_by_text("has reached 100 % of the budget of €0.10")).to_be_visible()
    assert_accessible_in_both(page)
    assert complaints == []
