"""An invoice is made anew from its events, and opens down to them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing.accounts import commands, discounts
from billing.accounts.models import PrepaidUse
from billing.exact import plain
from billing.invoicing.charging.subscriptions import change_plan, subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Invoice
from billing.invoicing.proving import verification_runs, why
from billing.invoicing.proving.verifying import differences, verify
from billing.invoicing.settling.crediting import void
from billing.invoicing.tasks import verify_invoice
from billing.metering.events import EventName
from billing.metering.folding import saga
from billing.metering.ingesting import corrections
from billing.periods import month_of
from billing.pricing.plans import publish
from eventstore import feed, store
from tests.billing.accounts.agreeing import agreed
from tests.billing.metering.sending import send
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_draft,
    make_organisation,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
)

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER, NOVEMBER = (month_of(date(2026, month, 1)) for month in (10, 11))
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
EARLIER = datetime(2026, 10, 1, 12, tzinfo=UTC)
HOUR = datetime(2026, 10, 9, 7, tzinfo=UTC)


@pytest.fixture
def customer():
    """In Berlin, on a plan for a sum, a level, a peak, a max and a unique count."""
    make_seller()
    kinds = ["sum", "level", "peak", "max", "latest", "unique_count", "count"]
    services = [make_service(slug=kind, aggregation=kind, unit_size=1) for kind in kinds]
    plan = make_plan(prices={one: [("100", "0.10"), (None, "0.05")] for one in services})
    organisation = make_organisation("Kunde", time_zone="Europe/Berlin")
    make_subscription(plan_version=plan, organisation=organisation)
    make_billing_details(organisation)
    for kind in kinds:
        send(
            organisation,
            (f"{kind}-1", "2026-09-20T10:00:00Z", {"quantity": "2"}),
            (f"{kind}-2", "2026-09-30T22:30:00Z", {"quantity": "40"}),  # October in Berlin
            (f"{kind}-3", "2026-10-09T07:15:00Z", {"quantity": "70.5"}),
            (f"{kind}-4", "2026-10-09T07:15:00Z", {"quantity": "3"}),
            (f"{kind}-5", "2026-10-31T22:59:59Z", {"quantity": "3"}),
            kind=f"test.{kind}",
        )
    meter()
    return organisation


@pytest.fixture
def invoice(customer):
    return close_period(organisation=customer, days=OCTOBER, now=NOW)


def meter():
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


def tamper(sql):
    """Change what the database refuses to change, as only its owner can."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET session_replication_role = replica; {sql}; RESET session_replication_role"
        )


class TestVerifying:
    def test_every_kind_of_service_comes_to_the_same_from_its_events(self, invoice):
        assert list(differences(invoice)) == []
        assert invoice.total > 0

    def test_what_came_later_makes_no_difference_to_either_invoice(self, customer, invoice):
        send(customer, ("late", "2026-10-09T09:00:00Z", {"quantity": "9"}), kind="test.sum")
        corrections.void(
            organisation=customer,
            name=EventName("s", "level-3"),
            reason="Wrong.",
            actor="x",
            now=NOW,
        )
        meter()
        assert verify(invoice) is None
        november = close_period(organisation=customer, days=NOVEMBER, now=NOW)
        assert november.lines.filter(corrects=invoice).count() >= 2
        assert list(differences(november)) == []
        tamper(f"DELETE FROM billing_invoiceline WHERE corrects_id = {invoice.pk}")
        named = f"in the period of {invoice} is 0, but the events make"
        assert any(named in one for one in differences(november))

    def test_what_corrected_a_void_invoice_counts_for_the_one_in_its_place(self, customer):
        days = month_of(date(2026, 9, 1))
        september = close_period(organisation=customer, days=days, now=EARLIER)
        send(customer, ("late", "2026-09-09T09:00:00Z", {"quantity": "9"}), kind="test.sum")
        meter()
        close_period(organisation=customer, days=OCTOBER, now=NOW)
        first, second, third = (NOW + timedelta(minutes=n) for n in (1, 2, 3))
        void(september, reason="-", now=first)
        close_period(organisation=customer, days=days, now=second)
        november = close_period(organisation=customer, days=NOVEMBER, now=third)
        valid = Invoice.objects.filter(voided_at=None)
        assert [list(differences(one)) for one in valid] == [[], [], []]
        correction = november.lines.get(kind="correction")
        tamper(f"DELETE FROM billing_invoiceline WHERE id = {correction.pk}")
        assert any("events make -0.9." in one for one in differences(november))

    @pytest.mark.parametrize(
        ("sql", "difference"),
        [
            ("UPDATE billing_invoice SET total = total + 1, gross = gross + 1", "its total"),
            ("UPDATE billing_invoice SET metered_until = 1", "another digest"),
            (
                "UPDATE billing_invoiceline SET quantity = quantity + 1 WHERE service_name = 'sum'",
                r"another digest",
            ),
        ],
    )
    def test_names_the_first_difference(self, invoice, sql, difference):
        tamper(sql)
        with pytest.raises(CommandError, match=difference):
            call_command("verify_invoice", invoice.number)

    def test_a_wrong_amount_is_told_with_what_the_events_make(self, invoice):
        line = invoice.lines.get(service_name="sum")
        tamper(f"UPDATE billing_invoiceline SET amount = amount + 1 WHERE id = {line.pk}")
        tamper("UPDATE billing_invoice SET total = total + 1, gross = gross + 1")
        found = list(differences(Invoice.objects.get()))
        assert any("the amount of line" in one and "(sum) is" in one for one in found)

    def test_all_are_verified_by_workers_or_here(self, invoice):
        out = StringIO()
        call_command("verify_invoices", "--all", "--here", stdout=out)
        assert "1 invoices are as their events make them" in out.getvalue()
        run = verification_runs.new()
        verify_invoice(invoice_id=invoice.pk, run=run, later="argument")
        assert verification_runs.results(run, [invoice.pk]) == {invoice.pk: ""}


class TestAVolumeAccount:
    @pytest.fixture
    def pool(self):
        """A parent in Berlin and a member, whose October is invoiced."""
        make_seller()
        service = make_service(slug="sum", unit_size=1)
        plan = make_plan(prices={service: [("100", "0.10"), (None, "0.05")]})
        parent, member = make_organisation(time_zone="Europe/Berlin"), make_organisation()
        while store.partition_of(parent.pk) == store.partition_of(member.pk):
            member = make_organisation()
        for one in (parent, member):
            make_subscription(plan_version=plan, organisation=one)
        commands.join_pool(agreed(member), parent=parent, starts_on=OCTOBER.first)
        for one, units in ((member, "60"), (parent, "80")):
            send(one, ("1", "2026-10-09T07:15:00Z", {"quantity": units}), kind="test.sum")
            send(one, ("2", "2026-09-30T22:30:00Z", {"quantity": "7"}), kind="test.sum")
            meter()
        for one in (member, parent):
            close_period(organisation=one, days=OCTOBER, now=NOW)
        send(parent, ("late", "2026-10-09T09:00:00Z", {"quantity": "9"}), kind="test.sum")
        meter()
        return parent, member

    def test_is_counted_as_far_as_each_had_been_metered_in_days_of_its_own(self, pool):
        october = Invoice.objects.all()
        # 60 of the one and 80 + 7 of the other, for whom October had begun: 10.00 and 2.35.
        assert sum(invoice.total for invoice in october) == Decimal("12.35")
        assert [list(differences(invoice)) for invoice in october] == [[], []]

    @pytest.mark.parametrize("has_left", [False, True])
    def test_owes_each_a_correction_of_what_another_one_used_late(self, pool, has_left):
        _, member = pool
        if has_left:
            commands.leave_pool(agreed(member), ends_on=NOVEMBER.first)
        november = close_period(organisation=member, days=NOVEMBER, now=NOW)
        assert list(differences(november)) == []
        correction = november.lines.get(kind="correction")
        tamper(f"DELETE FROM billing_invoiceline WHERE id = {correction.pk}")
        [missing] = [one for one in differences(november) if "in the period of" in one]
        amount = f"{plain(correction.amount)}."
        assert missing.endswith(f"is 0, but the events make {amount}")


class TestARichInvoice:
    """With fees ahead, a commitment, discounts, both kinds of credit, and late usage."""

    @pytest.fixture
    def invoices(self):
        make_seller()
        service = make_service(slug="sum", unit_size=1)
        plans = []
        for fee in ("20", "30"):
            draft = make_draft(prices={service: [("100", "0.10"), (None, "0.05")]})
            draft.base_fee, draft.minimum_commitment = Decimal(fee), Decimal(50)
            draft.save()
            publish(version=draft, now=LONG_AGO)
            plans.append(draft)
        one = make_organisation("Kunde")
        make_billing_details(one)
        subscribe(
            organisation=one, plan_version=plans[0], starts_on=date(2026, 9, 11), now=LONG_AGO
        )
        before = agreed(one, now=LONG_AGO)
        half = {"rate": Decimal("0.5"), "service": service, "periods": 2}
        discounts.grant(before, starts_on=date(2026, 9, 11), text="Half", **half)
        ten = {"amount": Decimal(10), "currency": "EUR"}
        discounts.grant(before, starts_on=date(2026, 9, 11), text="Ten", **ten)
        for kind in ("granted", "prepaid"):
            commands.add_credit(before, kind=kind, amount=Decimal(30), currency="EUR")

        def used(name, day, quantity):
            send(one, (name, f"{day}T10:00:00Z", {"quantity": quantity}), kind="test.sum")
            meter()

        used("1", "2026-09-20", "60")
        used("2", "2026-10-20", "700")
        found = [close_period(organisation=one, days=month_of(date(2026, 9, 1)), now=EARLIER)]
        change = agreed(one, now=EARLIER + timedelta(days=1))
        change_plan(change, plan_version=plans[1], starts_on=NOVEMBER.first, is_prorated=True)
        used("3", "2026-09-21", "400")
        found.append(close_period(organisation=one, days=OCTOBER, now=EARLIER + timedelta(days=31)))
        commands.add_credit(agreed(one), kind="granted", amount=Decimal(9), currency="EUR")
        change_plan(
            agreed(one), plan_version=plans[0], starts_on=date(2026, 11, 9), is_prorated=True
        )
        return found

    def test_comes_to_the_same_whatever_was_agreed_on_since(self, invoices):
        assert [list(differences(one)) for one in invoices] == [[], []]
        september, october = ({line.kind for line in one.lines.all()} for one in invoices)
        assert september == {"usage", "base_fee", "commitment", "discount", "credit"}
        assert october == {"usage", "base_fee", "discount", "correction"}
        assert PrepaidUse.objects.exists()

    def test_names_the_line_that_is_not_as_agreed(self, invoices):
        september = invoices[0]
        for kind, what in [
            ("base_fee", "the amount of line 2"),
            ("commitment", "(Minimum commitment) is"),
            ("discount", "(Half) is"),
            ("credit", "credit) is"),
        ]:
            line = september.lines.filter(kind=kind).first()
            for sign in "-+":
                tamper(
                    f"UPDATE billing_invoiceline SET amount = amount {sign} 1 WHERE id = {line.pk};"
                    f"UPDATE billing_invoice SET total = total {sign} 1, gross = gross {sign} 1 "
                    f"WHERE id = {september.pk}"
                )
                if sign == "-":
                    assert what in str(verify(Invoice.objects.get(pk=september.pk)))
        assert verify(Invoice.objects.get(pk=september.pk)) is None

    def test_names_tax_credit_and_prepayment_that_are_not(self, invoices):
        october = invoices[1]
        for sql, what in [
            ("UPDATE billing_invoice SET tax = tax + 1, gross = gross + 1", "its tax is"),
            ("UPDATE billing_invoiceline SET tax_rate = 7", "VAT of line 1 is S 7 %"),
            ("UPDATE billing_invoice SET credit_used = 1", "the credit that it uses is 1"),
            ("DELETE FROM billing_prepaiduse", "of a prepaid credit is 0"),
        ]:
            tamper(sql)
            found = list(differences(Invoice.objects.get(pk=october.pk)))
            assert any(what in one for one in found), (what, found)

    def test_that_is_void_is_only_added_up(self, invoices):
        tamper("DELETE FROM billing_payment")
        void(invoices[1], reason="-", now=NOW)
        tamper("DELETE FROM billing_discount")
        assert verify(Invoice.objects.get(pk=invoices[1].pk)) is None


class TestWhy:
    def test_days_together_are_divided_once_as_the_invoice_does(self):
        day = why.Span(HOUR, HOUR, Decimal(1), Decimal(3600))
        assert plain(why.total([day, day, day])) == "0.000833333333"
        assert plain(why.total([day, day, day, day, day, day])) == "0.001666666667"  # not …666

    def test_a_line_opens_to_days_hours_and_events(self, customer, invoice):
        opened = why.open_line(invoice, invoice.lines.get(service_name="sum").position)
        days = why.days(opened, now=NOW)
        assert [plain(day.quantity) for day in days] == ["40", "73.5", "3"]
        assert why.total(days) == opened.line.quantity
        hours = why.hours(opened, date(2026, 10, 9), now=NOW)
        assert [(one.starts_at, one.quantity) for one in hours] == [(HOUR, days[1].quantity)]
        events = why.events(opened, HOUR)
        assert [(one.source, one.id, plain(one.quantity)) for one in events] == [
            ("s", "sum-3", "70.5"),
            ("s", "sum-4", "3"),
        ]

    def test_its_page_goes_down_to_the_events_with_and_without_javascript(
        self, customer, invoice, operator, as_user
    ):
        client = as_user(operator)
        position = invoice.lines.get(service_name="level").position
        url = f"/organisations/kunde/invoices/{invoice.number}/lines/{position}/"
        assert b"?day=2026-10-09" in client.get(url).content
        page = client.get(url, {"day": "2026-10-09", "hour": "2026-10-09T07:00Z"})
        assert b"<h1>" in page.content
        assert b"level-3" in page.content
        headers = {"HX-Request": "true", "HX-Target": "why"}
        assert b"<h1>" not in client.get(url, {"day": "2026-10-09"}, headers=headers).content
        verified = client.post(
            f"/organisations/kunde/invoices/{invoice.number}/verify/", follow=True
        )
        assert b"comes to the same cent" in verified.content
