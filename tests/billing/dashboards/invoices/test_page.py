"""An organisation's invoices."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import timezone
from time_machine import travel

from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.documents import issued_files
from billing.invoicing.settling.crediting import credit
from billing.invoicing.settling.paying import record_payment
from billing.metering.models import Service
from billing.periods import Days, month_of
from billing.pricing.plans import publish
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_daily_usage,
    make_draft,
    make_invoice,
    make_plan,
    make_seller,
    make_subscription,
)

pytestmark = pytest.mark.django_db

LIST = "/organisations/acme/invoices/"
ONE = "/organisations/acme/invoices/2026-0001/"
OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))


@pytest.fixture
def client(as_user, owner):
    return as_user(owner)


@pytest.fixture
def invoice(acme):
    return make_invoice(acme, OCTOBER)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


def subscribed(organisation):
    """Say who is on a plan that charges a euro an hour, since this month began."""
    hours = Service.objects.get(slug="execution-time")
    return {
        "organisation": organisation,
        "plan_version": make_plan(prices={hours: [(None, "1")]}),
        "starts_on": timezone.now().date().replace(day=1),
    }


class TestList:
    def test_shows_the_newest_first(self, acme, client, invoice):
        page = text(client.get(LIST))
        assert "1–31 Oct 2026" in page
        assert "€70.00" in page
        assert ONE in page

    def test_has_what_is_to_come_in_the_language_of_the_page(self, acme, client):
        make_subscription(**subscribed(acme))
        make_daily_usage(acme, timezone.now().date(), hours=1)
        make_billing_details(acme, language="de")
        page = text(client.get(LIST))
        assert "Every unit" in page
        assert "Jede Einheit" not in page

    def test_says_that_what_is_to_come_has_no_vat_rate_and_to_operators_which(
        self, acme, client, operator, as_user
    ):
        make_subscription(**subscribed(acme))
        make_daily_usage(acme, timezone.now().date(), hours=1)
        make_seller().vat_rates.all().delete()
        for path in (LIST, "/organisations/acme/costs/"):
            assert "there is no VAT rate for it" in text(client.get(path))
            assert "VAT rate of DE" not in text(client.get(path))
            assert "There is no standard VAT rate of DE" in text(as_user(operator).get(path))

    def test_says_when_the_first_one_comes(self, client):
        assert "No invoice yet." in text(client.get(LIST))

    def test_shows_what_the_next_one_stands_at(self, acme, client):
        hours = Service.objects.get(slug="execution-time")
        make_subscription(
            organisation=acme, plan_version=make_plan(prices={hours: [(None, "0.7")]})
        )
        make_daily_usage(acme, timezone.now().date(), hours=3)
        page = text(client.get(LIST))
        assert '<td role="cell" class="n">3 h</td>' in page
        assert '<td role="cell" class="n">€2.10</td>' in page

    def test_shows_the_drafts_that_closing_makes_of_ones_own_periods(self, acme, client):
        hours = Service.objects.get(slug="execution-time")
        draft = make_draft(prices={hours: [(None, "0.7")]})
        draft.anchor, draft.base_fee, draft.base_fee_timing = (
            "anniversary",
            Decimal(5),
            "in_arrears",
        )
        draft.save()
        publish(version=draft, now=LONG_AGO)
        subscribe(organisation=acme, plan_version=draft, starts_on=date(2026, 9, 15), now=LONG_AGO)
        make_daily_usage(acme, date(2026, 10, 20), hours=3)
        running, over = Days(date(2026, 10, 15), date(2026, 11, 15)), date(2026, 11, 16)
        with travel(datetime(2026, 11, 1, 12, tzinfo=UTC), tick=False):
            page = text(client.get(LIST))
        assert "Over, and waiting for late events" in page
        assert "Period: 15 Sep 2026 – 14 Oct 2026" in page
        assert "Period: 15 Oct 2026 – 14 Nov 2026" in page
        regions = re.findall('role="region" aria-label="([^"]+)"', page)
        assert len(set(regions)) == len(regions) == 2  # which a screen reader tells apart by name
        assert page.count("€7.10") == 2  # net and total
        close_period(
            organisation=acme,
            days=Days(date(2026, 9, 15), running.first),
            now=datetime(2026, 11, 1, tzinfo=UTC),
        )
        with travel(datetime(over.year, over.month, over.day, 12, tzinfo=UTC), tick=False):
            page = text(client.get(LIST))
            invoice = close_period(organisation=acme, days=running, now=timezone.now())
        assert f"€{invoice.gross:.2f}" == "€7.10"
        assert "Over, and waiting for late events" in page
        assert page.count("€7.10") == 2

    def test_says_what_credit_the_next_one_uses(self, acme, client, invoice):
        hours = Service.objects.get(slug="execution-time")
        make_subscription(
            organisation=acme, plan_version=make_plan(prices={hours: [(None, "0.7")]})
        )
        credit(invoice, {1: Decimal(20)}, reason="A favour.", now=timezone.now())
        record_payment(
            invoice,
            amount=invoice.gross,
            received_on=date(2026, 11, 5),
            reference="bank",
            now=timezone.now(),
        )
        make_daily_usage(acme, date(2026, 10, 2), hours=100)
        make_daily_usage(acme, date(2026, 11, 2), hours=3)
        with travel(datetime(2026, 11, 3, 12, tzinfo=UTC), tick=False):
            page = text(client.get(LIST))
        assert "Credit from earlier invoices" in page
        assert "− €2.10" in page

    def test_does_not_exist_for_a_stranger(self, acme, as_user, stranger):
        assert as_user(stranger).get(LIST).status_code == 404

    def test_is_filtered_by_status_year_and_words(self, acme, client, invoice):
        paid = make_invoice(acme, month_of(date(2025, 9, 1)), number="2025-0009", hours=1)
        record_payment(
            paid,
            amount=paid.gross,
            received_on=date(2025, 10, 5),
            reference="bank",
            now=timezone.now(),
        )
        for query, numbers in [
            ("status=paid", {"2025-0009"}),
            ("status=overdue", set()),
            ("status=nonsense", {"2026-0001", "2025-0009"}),
            ("year=2026", {"2026-0001"}),
            ("q=0009", {"2025-0009"}),
        ]:
            with travel(datetime(2026, 11, 1, 12, tzinfo=UTC), tick=False):
                page = text(client.get(f"{LIST}?{query}"))
            assert set(re.findall(r">(\d{4}-\d{4})</a>", page)) == numbers, query

    def test_is_swapped_alone_where_htmx_asks_for_it(self, client, invoice):
        headers = {"HX-Request": "true", "HX-Target": "issued"}
        page = text(client.get(LIST, headers=headers))
        assert "<h1>" not in page
        assert "2026-0001" in page


class TestInvoice:
    def test_shows_the_working_of_each_line_and_where_it_opens(self, client, invoice):
        page = text(client.get(ONE))
        assert "Every unit" in page
        assert "× €0.70" in page
        assert f'href="{ONE}lines/1/"' in page

    @pytest.mark.parametrize("persona", ["owner", "member", "operator"])
    def test_is_there_for_members_and_operators(self, invoice, as_user, persona, request):
        assert as_user(request.getfixturevalue(persona)).get(ONE).status_code == 200

    def test_does_not_exist_for_a_stranger(self, invoice, as_user, stranger):
        assert as_user(stranger).get(ONE).status_code == 404

    def test_does_not_exist_in_another_organisation_that_the_person_may_see(
        self, invoice, as_user, stranger
    ):
        url = "/organisations/globex/invoices/2026-0001/"
        assert as_user(stranger).get(url).status_code == 404


class TestFilesAndCreditNotes:
    def test_a_pdf_is_served_as_it_was_issued(self, client, invoice):
        assert client.get(f"{ONE}pdf/").status_code == 404  # not made yet
        file = issued_files.issue(invoice, now=timezone.now())
        answer = client.get(f"{ONE}pdf/")
        assert answer["Content-Type"] == "application/pdf"
        assert answer["ETag"] == f'"{file.sha256}"'
        assert answer.content == issued_files.read(file)

    def test_a_credit_note_has_its_page_beside_the_invoice(self, client, invoice):
        note = credit(invoice, None, reason="A favour.", now=timezone.now())
        assert f"{note.number}</a>" in text(client.get(ONE))
        page = text(client.get(f"/organisations/acme/credit-notes/{note.number}/"))
        assert "A favour." in page
        assert "€70.00" in page

    @pytest.mark.parametrize("path", ["pdf/", "lines/1/"])
    def test_neither_exists_for_a_stranger(self, invoice, as_user, stranger, path):
        issued_files.issue(invoice, now=timezone.now())
        note = credit(invoice, None, reason="A favour.", now=timezone.now())
        issued_files.issue(note, now=timezone.now())
        other = as_user(stranger)
        assert other.get(f"{ONE}{path}").status_code == 404
        assert other.get(f"/organisations/globex/invoices/2026-0001/{path}").status_code == 404
        assert other.get(f"/organisations/globex/credit-notes/{note.number}/").status_code == 404
        assert (
            other.get(f"/organisations/globex/credit-notes/{note.number}/pdf/").status_code == 404
        )

    def test_only_operators_verify(self, client, invoice):
        assert client.post(f"{ONE}verify/").status_code == 404
