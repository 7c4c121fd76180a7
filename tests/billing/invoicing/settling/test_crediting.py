"""What comes after an invoice: credit notes, a reversal, payments, and how it stands then."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from billing.accounts import discounts
from billing.accounts.commands import add_credit
from billing.invoicing.closing.close import close_period, organisations_to_close
from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import CreditNote, CreditNoteLine, Payment
from billing.invoicing.settling.correcting import corrections
from billing.invoicing.settling.crediting import (
    CannotCredit,
    HasPayments,
    IsVoid,
    NothingLeft,
    TooMuch,
    credit,
    shares,
    void,
)
from billing.invoicing.settling.paying import CannotPay, record_payment
from billing.invoicing.settling.standing import Status, standings
from billing.metering.usage_tables import DailyUsage
from billing.periods import month_of
from billing.pricing.plans import publish
from billing.together import read
from tests.billing.accounts.agreeing import agreed
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_draft,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
    make_usage_row,
)
from tests.races import run_at_once

OCTOBER, NOVEMBER = (month_of(date(2026, month, 1)) for month in (10, 11))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def hours(db):
    return make_service(slug="hours")


@pytest.fixture
def customer(hours):
    """Used 1.30 of hours, and 0.39 of runs in October, at 19 %."""
    make_seller()
    runs = make_service(slug="runs", unit="run", unit_size=1)
    plan = make_plan(prices={hours: [(None, "0.10")], runs: [(None, "0.13")]})
    organisation = make_subscription(plan_version=plan).organisation
    make_billing_details(organisation)
    day = date(2026, 10, 9)
    make_usage_row(organisation=organisation, service=hours, day=day, quantity=13 * 3600)
    make_usage_row(organisation=organisation, service=runs, day=day, quantity=3)
    return organisation


@pytest.fixture
def invoice(customer):
    """Of 1.69, tax 0.32: 2.01."""
    return close(customer, OCTOBER)


def close(organisation, days):
    made = close_period(organisation=organisation, days=days, now=NOW)
    made.refresh_from_db()
    return made


def give(invoice, amounts, reason="A favour."):
    return credit(invoice, amounts, reason=reason, now=NOW)


def pay(invoice, amount, reference="bank-1"):
    return record_payment(
        invoice,
        amount=Decimal(amount),
        received_on=TODAY,
        reference=reference,
        now=NOW,
    )


def status(invoice, today=TODAY):
    return standings(invoice.organisation)[invoice.pk].status(today)


class TestCreditNotes:
    def test_take_back_all_of_an_invoice_with_its_tax(self, invoice):
        note = give(invoice, None)
        assert (note.number, note.total, note.tax, note.gross) == (
            "CN-2026-00001",
            Decimal("1.69"),
            Decimal("0.32"),
            Decimal("2.01"),
        )
        assert [line.amount for line in note.lines.all()] == [Decimal("1.30"), Decimal("0.39")]
        assert status(invoice) is Status.CREDITED

    def test_take_back_a_line_or_part_of_one(self, invoice):
        note = give(invoice, {1: Decimal("0.50")})
        assert (note.total, note.tax, note.gross) == (
            Decimal("0.50"),
            Decimal("0.10"),
            Decimal("0.60"),
        )

    def test_take_back_an_amount_of_the_whole(self, invoice):
        assert shares(invoice, Decimal("1.00")) == {1: Decimal("0.77"), 2: Decimal("0.23")}

    def test_in_parts_take_back_exactly_the_tax_of_the_whole(self, invoice):
        parts = [give(invoice, {2: Decimal("0.13")}) for _ in range(3)]
        parts.append(give(invoice, None))
        assert sum(part.tax for part in parts) == invoice.tax
        assert sum(part.gross for part in parts) == invoice.gross

    def test_never_take_back_more_than_there_is(self, invoice):
        give(invoice, {2: Decimal("0.13")})
        with pytest.raises(TooMuch, match=r"Of line 2 of INV-2026-00001 0\.26 EUR can be"):
            give(invoice, {2: Decimal("0.27")})
        with pytest.raises(TooMuch):
            give(invoice, {1: Decimal("-0.10")})
        with pytest.raises(CannotCredit, match="no line 3"):
            give(invoice, {3: Decimal("0.10")})
        give(invoice, None)
        with pytest.raises(NothingLeft):
            give(invoice, None)
        assert CreditNote.objects.count() == 2

    def test_leave_credit_for_the_next_invoice_where_it_was_paid(self, customer, hours, invoice):
        pay(invoice, "2.01")
        give(invoice, {1: Decimal("1.00")})
        make_usage_row(
            organisation=customer, service=hours, day=date(2026, 11, 2), quantity=100 * 3600
        )
        november = close(customer, NOVEMBER)
        assert november.credit_used == Decimal("1.19")
        assert standings(customer)[november.pk].settled.to_pay == Decimal("10.71")


class TestVoid:
    def test_reverses_the_invoice_and_opens_its_period_again(self, customer, invoice):
        note = void(invoice, reason="Wrong address.", now=NOW)
        assert (note.kind, note.gross) == ("void", invoice.gross)
        assert status(invoice) is Status.VOID
        assert customer in organisations_to_close(days=OCTOBER, now=NOW)
        again = close(customer, OCTOBER)
        assert (again.number, again.gross) == ("INV-2026-00002", invoice.gross)

    def test_takes_corrections_with_it_and_the_next_invoice_makes_them_anew(
        self, customer, hours, invoice
    ):
        DailyUsage.objects.filter(service=hours).update(quantity=14 * 3600)
        november = close(customer, NOVEMBER)
        void(november, reason="Not yet.", now=NOW)
        again = close(customer, NOVEMBER)
        for one in (november, again):
            [line] = one.lines.filter(corrects=invoice)
            assert line.amount == Decimal("0.10")

    def test_of_a_corrected_period_charges_nothing_twice(self, customer, hours, invoice):
        DailyUsage.objects.filter(service=hours).update(quantity=14 * 3600)
        november = close(customer, NOVEMBER)
        void(invoice, reason="Wrong address.", now=NOW)
        october = close(customer, OCTOBER)  # with the 0.10 that November had already
        december = close_period(
            organisation=customer, days=month_of(date(2026, 12, 1)), now=NOW + timedelta(days=40)
        )
        paid = [one.total for one in (november, october, december)]
        assert sum(paid) == Decimal("1.79")

    def test_is_refused_once_money_came(self, invoice):
        pay(invoice, "0.50")
        with pytest.raises(HasPayments):
            void(invoice, reason="No.", now=NOW)
        pay(invoice, "-0.50", "back-1")
        assert void(invoice, reason="Yes.", now=NOW)
        with pytest.raises(IsVoid):
            void(invoice, reason="Again.", now=NOW)
        with pytest.raises(CannotPay, match="is void"):
            pay(invoice, "1", "bank-2")


class TestCorrectionsAsCreditNotes:
    def test_are_issued_with_the_next_invoice(self, customer, hours, invoice, settings):
        settings.INVOICE_CORRECTIONS = "credit-note"
        DailyUsage.objects.filter(service=hours).update(quantity=3 * 3600)
        november = close(customer, NOVEMBER)
        assert not november.lines.filter(corrects__isnull=False)
        note = invoice.credit_notes.get()
        assert (note.kind, note.total, note.gross) == (
            "correction",
            Decimal("1.00"),
            Decimal("1.19"),
        )
        assert note.lines.get().quantity == 10
        DailyUsage.objects.filter(service=hours).update(quantity=4 * 3600)
        december = close_period(
            organisation=customer, days=month_of(date(2026, 12, 1)), now=NOW + timedelta(days=40)
        )
        assert december.lines.get(corrects=invoice).amount == Decimal("0.10")

    def test_come_with_what_commitment_and_discounts_became(self, hours, settings):
        """100 h were 10.00, short of 15.00 by 5.00, less a fifth: 12.00. 90 h are 9.00, so 6.00 are
        missing: nothing is credited. 200 h are 20.00 less a fifth; 150 h are 15.00 less a fifth.
        """
        settings.INVOICE_CORRECTIONS = "credit-note"
        draft = make_draft(prices={hours: [(None, "0.10")]})
        draft.minimum_commitment = Decimal(15)
        draft.save()
        publish(version=draft, now=LONG_AGO)
        for used, late, credited, corrected in [
            (100, 90, [], ["-1.00", "1.00"]),
            (200, 150, ["5.00", "-1.00"], []),
        ]:
            one = make_subscription(plan_version=draft).organisation
            fifth = {"text": "A fifth", "rate": Decimal("0.2")}
            discounts.grant(agreed(one, now=LONG_AGO), starts_on=OCTOBER.first, **fifth)
            day = date(2026, 10, 9)
            make_usage_row(organisation=one, service=hours, day=day, quantity=used * 3600)
            october = close(one, OCTOBER)
            DailyUsage.objects.filter(organisation=one).update(quantity=late * 3600)
            november = close(one, NOVEMBER)
            found = [
                line.amount for note in october.credit_notes.all() for line in note.lines.all()
            ]
            lines = november.lines.filter(corrects=october)
            assert [f"{amount:.2f}" for amount in found] == credited
            assert [f"{line.amount:.2f}" for line in lines] == corrected
            assert read(corrections(organisations=[one.pk], now=NOW)).lines == {one.pk: {}}

    def test_stay_lines_where_the_invoice_has_not_as_much_left(self, hours, settings):
        settings.INVOICE_CORRECTIONS = "credit-note"
        plan = make_plan(prices={hours: [(None, "0.10")]})
        one = make_subscription(plan_version=plan).organisation
        add_credit(agreed(one, now=LONG_AGO), kind="granted", amount=Decimal(10), currency="EUR")
        day = date(2026, 10, 9)
        make_usage_row(organisation=one, service=hours, day=day, quantity=100 * 3600)
        october = close(one, OCTOBER)
        assert october.total == 0
        DailyUsage.objects.filter(organisation=one).update(quantity=3600)
        november = close(one, NOVEMBER)
        assert november.lines.get(corrects=october).amount == Decimal("-9.90")

    def test_stay_lines_where_they_were_credited_already(self, customer, hours, invoice, settings):
        settings.INVOICE_CORRECTIONS = "credit-note"
        give(invoice, {1: Decimal("1.00")})
        DailyUsage.objects.filter(service=hours).update(quantity=3 * 3600)
        november = close(customer, NOVEMBER)
        assert november.lines.get(corrects=invoice).amount == Decimal("-1.00")


class TestPayments:
    def test_make_an_invoice_paid_bit_by_bit(self, invoice):
        due = invoice.due_on
        assert (status(invoice), status(invoice, due)) == (Status.OPEN, Status.OPEN)
        assert status(invoice, due + timedelta(days=1)) is Status.OVERDUE
        pay(invoice, "1.00")
        assert status(invoice) is Status.PARTLY_PAID
        pay(invoice, "1.01", "bank-2")
        assert status(invoice, due + timedelta(days=1)) is Status.PAID

    def test_count_once_however_often_they_are_told(self, invoice):
        assert pay(invoice, "1.00") == pay(invoice, "1.00")
        with pytest.raises(CannotPay, match="is 1 already"):
            pay(invoice, "1.01")

    @pytest.mark.parametrize("amount", ["0", "0.001"])
    def test_are_amounts_of_the_currency(self, invoice, amount):
        with pytest.raises(CannotPay):
            pay(invoice, amount)


class TestTheDatabase:
    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            (lambda one: CreditNote.objects.update(reason=""), "invoice_is_final"),
            (lambda one: CreditNoteLine.objects.all().delete(), "invoice_is_final"),
            (lambda one: Payment.objects.update(amount=9), "invoice_is_final"),
            (lambda one: Invoice.objects.update(voided_at=NOW), "invoice_is_final"),
            (
                lambda one: copy_note(one, gross=Decimal("1.50")),
                "credit_notes_stay_within_the_invoice",
            ),
            (lambda one: copy_note(one, line_count=2), "credit_note_adds_up"),
            (lambda one: copy_note(one, kind="void"), "credit_note_adds_up"),
        ],
    )
    def test_refuses(self, invoice, change, rule):
        note = give(invoice, {1: Decimal("0.50")})
        pay(invoice, "0.10")
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            commit(change, note)
        diagnosis = getattr(caught.value.__cause__, "diag", None)
        assert getattr(diagnosis, "constraint_name", None) == rule


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_credit_notes_at_once_stay_within_the_invoice(self, invoice):
        run_at_once(
            *[lambda: give(invoice, {1: Decimal("0.40")})] * 6,
            expected=CannotCredit,
        )
        numbers = sorted(CreditNote.objects.values_list("number", flat=True))
        assert numbers == [f"CN-2026-{n:05}" for n in range(1, 4)]


def commit(change, note):
    change(note)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def copy_note(note, *, gross=None, line_count=1, kind="credit"):
    gross = gross or note.gross
    copied = CreditNote.objects.create(
        invoice=note.invoice,
        legal_entity=note.legal_entity,
        number="CN-9",
        kind=kind,
        reason="x",
        total=gross - note.tax if gross != note.gross else note.total,
        tax=note.tax,
        gross=gross,
        line_count=line_count,
        issued_at=NOW,
    )
    CreditNoteLine.objects.create(
        credit_note=copied,
        position=1,
        invoice_line=note.lines.get().invoice_line,
        amount=copied.total,
    )
