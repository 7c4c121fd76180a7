"""Issued files: made once, kept with their digest, served and sent as they are."""

from datetime import UTC, date, datetime

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from billing.invoicing import tasks
from billing.invoicing.closing.close import close_period
from billing.invoicing.documents import issued_files, mailing
from billing.invoicing.documents.issued_files import Damaged
from billing.invoicing.settling.after import IssuedFile
from billing.invoicing.settling.crediting import credit
from billing.periods import month_of
from tests.factories import (
    make_billing_details,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
    make_usage_row,
)

OCTOBER = month_of(date(2026, 10, 1))
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def organisation(db):
    make_seller()
    hours = make_service(slug="hours")
    plan = make_plan(prices={hours: [(None, "0.10")]})
    customer = make_subscription(plan_version=plan).organisation
    make_usage_row(organisation=customer, service=hours, day=date(2026, 10, 9), quantity=130 * 3600)
    return customer


@pytest.fixture
def invoice(organisation):
    make_billing_details(organisation, language="de")
    return close_period(organisation=organisation, days=OCTOBER, now=NOW)


def test_a_file_is_made_once_and_read_as_it_is(invoice):
    file = issued_files.issue(invoice, now=NOW)
    assert issued_files.issue(invoice, now=NOW) == file
    content = issued_files.read(file)
    assert content.startswith(b"%PDF")
    assert len(content) == file.size
    assert list(issued_files.missing(limit=9)) == []


def test_a_file_that_is_another_now_is_not_served(invoice):
    file = issued_files.issue(invoice, now=NOW)
    storages["documents"].delete(file.name)
    storages["documents"].save(file.name, ContentFile(b"%PDF forged"))
    with pytest.raises(Damaged):
        issued_files.read(file)


def test_a_credit_note_has_a_file_too(invoice):
    note = credit(invoice, None, reason="A favour.", now=NOW)
    assert set(issued_files.missing(limit=9)) == {
        ("invoice", invoice.pk),
        ("credit-note", note.pk),
    }
    assert issued_files.issue(note, now=NOW).credit_note == note


def test_it_is_sent_once_with_the_file_attached(invoice, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.send_file, "delay", lambda **named: rung.append(named))
    for _ in range(2):
        tasks.issue_file(kind="invoice", document_id=invoice.pk, later="argument")
    file = IssuedFile.objects.get()
    assert rung == [{"file_id": file.pk}] * 2
    assert mailing.unsent(limit=9) == [file.pk]
    for _ in range(2):
        tasks.send_file(file_id=file.pk)
    [message] = mail.outbox
    assert message.subject == "Rechnung INV-2026-00001"
    assert message.to == ["rechnung@kunde.example"]
    assert "15,47\xa0€" in message.body
    [(name, content, kind)] = message.attachments
    assert (name, kind) == ("INV-2026-00001.pdf", "application/pdf")
    assert content == issued_files.read(file)
    assert mailing.unsent(limit=9) == []


def test_without_an_address_nothing_is_sent(organisation):
    invoice = close_period(organisation=organisation, days=OCTOBER, now=NOW)
    file = issued_files.issue(invoice, now=NOW)
    assert mailing.send(file, now=NOW) is None
    assert mailing.unsent(limit=9) == []
    assert mail.outbox == []
