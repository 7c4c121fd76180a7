"""Operators take invoices back in the admin, once they have said why, and verify them."""

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import CreditNote
from billing.periods import month_of
from tests.factories import (
    make_billing_details,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
    make_usage_row,
)

pytestmark = pytest.mark.django_db

OCTOBER = month_of(date(2026, 10, 1))
NOW = datetime(2026, 11, 3, tzinfo=UTC)


@pytest.fixture
def invoice(acme):
    make_seller()
    make_billing_details(acme)
    hours = make_service()
    make_subscription(organisation=acme, plan_version=make_plan(prices={hours: [(None, "1")]}))
    make_usage_row(organisation=acme, service=hours, day=OCTOBER.first, quantity=7 * 3600)
    return close_period(organisation=acme, days=OCTOBER, now=NOW)


@pytest.fixture
def act(as_user, operator, invoice):
    """Choose an action for the invoice on the list; return the page that comes of it."""

    def act(action, **more):
        data = {"action": action, "_selected_action": invoice.pk, **more}
        address = reverse("admin:billing_invoice_changelist")
        return as_user(operator).post(address, data, follow=True).content.decode()

    return act


def test_the_list_has_what_each_comes_to_with_its_tax_and_currency(as_user, operator, invoice):
    page = as_user(operator).get(reverse("admin:billing_invoice_changelist")).content.decode()
    assert '<td class="field-gross_said">€8.33</td>' in page


@pytest.mark.parametrize(
    ("action", "kind", "again"),
    [("void", "void", "is void"), ("credit_in_full", "credit", "as a whole already")],
)
def test_an_invoice_is_taken_back_after_a_confirmation_with_a_reason(
    invoice, act, action, kind, again
):
    asked = act(action)
    assert f"{invoice}, Acme, from 1 Oct 2026: Net €7.00" in asked
    assert "This field is required." in act(action, confirmed="yes")
    assert not CreditNote.objects.exists()
    assert "CN-" in act(action, confirmed="yes", reason="Wrong plan.")
    note = CreditNote.objects.get()
    assert (note.kind, note.reason, note.gross) == (kind, "Wrong plan.", invoice.gross)
    assert again in act(action, confirmed="yes", reason="-")


def test_an_invoice_is_verified_and_leads_to_its_customers_page(invoice, act, as_user, operator):
    """Its usage is of no event here, and that is what is found."""
    assert "the events make 0" in act("verify")
    page = as_user(operator).get(reverse("admin:billing_invoice_change", args=[invoice.pk]))
    assert f'href="/organisations/acme/invoices/{invoice}/"' in page.content.decode()
    assert Invoice.objects.get().voided_at is None


def test_an_invoice_and_what_is_done_to_it_are_in_german_too(as_user, operator, invoice):
    client, german = as_user(operator), {"Accept-Language": "de"}
    address = reverse("admin:billing_invoice_changelist")
    page = client.get(address, headers=german).content.decode()
    assert '<td class="field-gross_said">8,33\u00a0€</td>' in page
    assert "Stornieren…" in page
    data = {"action": "void", "_selected_action": invoice.pk}
    asked = client.post(address, data, headers=german).content.decode()
    assert "Stornieren: Sind Sie sicher?" in asked
    assert "Ja, stornieren" in asked
