"""What a customer does with invoices, in a real browser."""

from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from billing.invoicing import issued_files
from billing.invoicing.close import close_period
from billing.metering import saga
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
from tests.journeys.accessibility import assert_accessible

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def invoice(acme):
    make_seller()
    plan = make_plan(prices={make_service(slug="tokens"): [("1", "0.10"), (None, "0.05")]})
    make_subscription(plan_version=plan, organisation=acme)
    make_billing_details(acme)
    send(acme, ("job-7", "2026-10-09T07:15:00Z", {"quantity": "7200"}))
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass
    made = close_period(organisation=acme, days=month_of(date(2026, 10, 1)), now=NOW)
    issued_files.issue(made, now=NOW)
    return made


def test_a_customer_opens_an_invoice_down_to_its_events_and_takes_the_pdf(
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
    assert complaints == []
