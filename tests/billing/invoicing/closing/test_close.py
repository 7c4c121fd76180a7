from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries
from sequences import get_last_value

from billing.exact import ZERO
from billing.invoicing.closing.close import (
    CannotClose,
    NotSubscribed,
    PeriodNotOver,
    PeriodOverlaps,
    close_period,
    close_periods,
)
from billing.invoicing.legal import LegalEntity
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.parties import thawed
from billing.invoicing.tax import NoRate
from billing.metering.models import Service
from billing.periods import Days, month_of
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation
from tests.factories import (
    make_billing_details,
    make_organisation,
    make_plan,
    make_seller,
    make_service,
    make_subscription,
    make_usage_row,
)
from tests.races import run_at_once

OCTOBER = month_of(date(2026, 10, 1))
NOVEMBER = month_of(date(2026, 11, 1))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
GRADUATED = [("100", "0.10"), (None, "0.05")]
ROWS_READ = """
SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'billing_invoice'
"""


@pytest.fixture
def hours(db: None) -> Service:
    return make_service(slug="hours")


@pytest.fixture
def customer(hours: Service) -> Organisation:
    """Used 150 h in October."""
    plan = make_plan(prices={hours: GRADUATED, make_service(slug="unused"): [(None, "1")]})
    organisation = make_subscription(plan_version=plan).organisation
    make_usage_row(
        organisation=organisation, service=hours, day=date(2026, 10, 9), quantity=150 * 3600
    )
    return organisation


@pytest.fixture
def invoice(customer: Organisation) -> Invoice:
    return close_period(organisation=customer, days=OCTOBER, now=NOW)


def step(*values: str | None) -> dict[str, str | None]:
    names = ["from", "up_to", "quantity", "unit_price", "amount"]
    return {"kind": "units", **dict(zip(names, values, strict=True))}


class TestClosePeriod:
    def test_makes_an_invoice_with_lines_and_their_working(self, invoice: Invoice) -> None:
        invoice.refresh_from_db()
        assert (invoice.number, invoice.currency, invoice.issued_at) == (
            "INV-2026-00001",
            "EUR",
            NOW,
        )
        assert (invoice.starts_on, invoice.ends_on) == (OCTOBER.first, OCTOBER.end)
        assert invoice.total == Decimal("12.50")
        used, unused = invoice.lines.all()
        assert (used.position, used.service_name, used.unit) == (1, "hours", "h")
        assert (used.quantity, used.amount) == (Decimal(150), Decimal("12.50"))
        assert used.working == [
            step("0", "100", "100", "0.1", "10"),
            step("100", None, "50", "0.05", "2.5"),
        ]
        assert (unused.position, unused.quantity, unused.amount) == (2, Decimal(0), Decimal(0))

    def test_again_returns_the_same_invoice_whatever_came_since(
        self, invoice: Invoice, customer: Organisation, hours: Service
    ) -> None:
        make_usage_row(organisation=customer, service=hours, day=date(2026, 10, 10), quantity=3600)
        assert close_period(organisation=customer, days=OCTOBER, now=NOW) == invoice
        assert get_last_value("invoices-INV-2026") == 1

    def test_numbers_start_over_with_the_year_of_issue(self, customer: Organisation) -> None:
        new_year = datetime(2027, 1, 2, tzinfo=UTC)
        numbers = [
            close_period(organisation=customer, days=days, now=now).number
            for days, now in [(OCTOBER, NOW), (NOVEMBER, new_year)]
        ]
        assert numbers == ["INV-2026-00001", "INV-2027-00001"]

    def test_refuses_a_period_that_is_not_over(self, customer: Organisation) -> None:
        now = OCTOBER.ends_at - timedelta(microseconds=1)
        with pytest.raises(PeriodNotOver, match="is not over before 2026-11-01"):
            close_period(organisation=customer, days=OCTOBER, now=now)
        assert close_period(organisation=customer, days=OCTOBER, now=OCTOBER.ends_at)

    def test_waits_for_late_events_as_long_as_it_is_told(self, customer: Organisation) -> None:
        grace, now = timedelta(hours=48), OCTOBER.ends_at + timedelta(hours=47)
        with pytest.raises(PeriodNotOver, match="late events may come for 2 days"):
            close_period(organisation=customer, days=OCTOBER, now=now, grace=grace)
        later = now + timedelta(hours=1)
        assert close_period(organisation=customer, days=OCTOBER, now=later, grace=grace)

    def test_refuses_who_is_on_no_plan(self, db: None) -> None:
        with pytest.raises(NotSubscribed):
            close_period(organisation=make_organisation(), days=OCTOBER, now=NOW)
        assert get_last_value("invoices-INV-2026") is None

    @pytest.mark.parametrize("many", [1, 12])
    def test_asks_as_much_for_many_accounts_as_for_one(
        self, customer: Organisation, many: int, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        make_seller()
        plan = PlanVersion.objects.get()
        more = [make_subscription(plan_version=plan).organisation for _ in range(many - 1)]
        each = [one.pk for one in (customer, *more)]
        with django_assert_num_queries(14):
            invoices = close_periods(organisations=each, days=OCTOBER, now=NOW)
        assert [one.organisation_id for one in invoices] == each
        assert [one.total for one in invoices] == [Decimal("12.50"), *[ZERO] * (many - 1)]
        assert close_periods(organisations=each, days=OCTOBER, now=NOW) == invoices

    def test_lines_look_their_invoice_up_where_there_are_few_yet(
        self, customer: Organisation
    ) -> None:
        """Else a session that begins with few reads all that it has made, once for each line."""
        close_period(organisation=customer, days=OCTOBER, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("ANALYZE billing_invoice")
            cursor.execute("DISCARD PLANS")  # as a new session has none
            close_period(organisation=customer, days=NOVEMBER, now=NOW)
            cursor.execute(ROWS_READ)
            before = cursor.fetchone()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as a commit does
            cursor.execute(ROWS_READ)
            assert cursor.fetchone() == before

    def test_bills_no_day_twice(self, invoice: Invoice, customer: Organisation) -> None:
        days = Days(date(2026, 10, 31), date(2026, 11, 30))
        with pytest.raises(PeriodOverlaps, match="INV-2026-00001"):
            close_period(organisation=customer, days=days, now=NOW)


class TestTaxAndParties:
    @pytest.fixture
    def seller(self, db: None) -> LegalEntity:
        return make_seller()

    def test_a_customer_at_home_pays_the_rate_of_the_day(
        self, seller: LegalEntity, customer: Organisation
    ) -> None:
        make_billing_details(customer, legal_entity=seller)
        invoice = close_period(organisation=customer, days=OCTOBER, now=NOW)
        invoice.refresh_from_db()
        # 19 % of 12.50 is 2.375
        assert (invoice.net, invoice.tax, invoice.gross) == (
            Decimal("12.50"),
            Decimal("2.38"),
            Decimal("14.88"),
        )
        [tax] = invoice.taxes
        assert (tax["category"], tax["rate"], tax["net"]) == ("S", "19", "12.5")
        assert {line.tax_category for line in invoice.lines.all()} == {"S"}
        assert invoice.due_on == NOW.date() + timedelta(days=14)

    def test_a_company_elsewhere_in_the_eu_owes_the_tax_itself(
        self, seller: LegalEntity, customer: Organisation
    ) -> None:
        make_billing_details(customer, legal_entity=seller, country="AT", vat_id="ATU13585627")
        invoice = close_period(organisation=customer, days=OCTOBER, now=NOW)
        assert [tax["category"] for tax in invoice.taxes] == ["AE"]
        assert invoice.gross == invoice.net == Decimal("12.50")

    def test_both_parties_stay_as_they_were(
        self, seller: LegalEntity, customer: Organisation
    ) -> None:
        details = make_billing_details(customer, legal_entity=seller)
        invoice = close_period(organisation=customer, days=OCTOBER, now=NOW)
        for changed in (seller, details):
            changed.legal_name = "Another name"
            changed.save()
        invoice.refresh_from_db()
        assert thawed(invoice.seller).name == "Catacloud GmbH"
        assert thawed(invoice.buyer).name == "Kunde GmbH"

    def test_each_seller_has_numbers_of_its_own(
        self, seller: LegalEntity, customer: Organisation
    ) -> None:
        make_billing_details(customer, legal_entity=seller)
        other = make_subscription(plan_version=PlanVersion.objects.get()).organisation
        make_billing_details(
            other, legal_entity=make_seller(slug="ltd", invoice_prefix="LTD", is_default=False)
        )
        numbers = [
            close_period(organisation=one, days=OCTOBER, now=NOW).number
            for one in (customer, other)
        ]
        assert numbers == ["INV-2026-00001", "LTD-2026-00001"]

    def test_without_a_rate_it_is_not_closed(self, customer: Organisation) -> None:
        entity = make_seller()
        entity.vat_rates.all().delete()
        with pytest.raises(NoRate, match="no standard VAT rate of DE"):
            close_period(organisation=customer, days=OCTOBER, now=NOW)


class TestTheDatabase:
    """Whoever asks, and by whatever way."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda: Invoice.objects.update(total=0),
            lambda: Invoice.objects.all().delete(),
            lambda: InvoiceLine.objects.update(amount=0),
            lambda: InvoiceLine.objects.all().delete(),
            lambda: Invoice.objects.get().save(),
            lambda: execute("UPDATE billing_invoice SET line_count = 9"),
            lambda: execute("DELETE FROM billing_invoice"),
            lambda: execute("UPDATE billing_invoiceline SET working = '[]'"),
            lambda: execute("DELETE FROM billing_invoiceline"),
        ],
    )
    def test_refuses_any_change(self, invoice: Invoice, change: Callable[[], object]) -> None:
        refuses(change, "invoice_is_final")

    @pytest.mark.parametrize(
        ("position", "rule"),
        [(3, "invoice_is_final"), (0, "invoice_is_final"), (2, "one_invoice_line_per_position")],
    )
    def test_refuses_another_line(
        self, invoice: Invoice, hours: Service, position: int, rule: str
    ) -> None:
        refuses(lambda: make_line(invoice, hours, position=position), rule)

    def test_refuses_to_move_a_line(self, invoice: Invoice, customer: Organisation) -> None:
        other = close_period(organisation=customer, days=NOVEMBER, now=NOW)
        refuses(lambda: invoice.lines.update(invoice=other), "invoice_is_final")

    @pytest.mark.parametrize("taxes", [[], [{"net": "5", "tax": "0.94"}]])
    def test_refuses_at_commit_taxes_that_do_not_add_up(
        self, invoice: Invoice, hours: Service, taxes: list[dict[str, str]]
    ) -> None:
        def make_one() -> None:
            wrong = make_invoice_row(invoice, total=5, tax=Decimal("0.95"), taxes=taxes)
            make_line(wrong, hours, position=1)
            execute("SET CONSTRAINTS ALL IMMEDIATE")

        refuses(make_one, "invoice_taxes_add_up")

    @pytest.mark.parametrize(("line_count", "total"), [(2, 5), (1, 6)])
    def test_refuses_at_commit_what_does_not_add_up(
        self, invoice: Invoice, hours: Service, line_count: int, total: int
    ) -> None:
        def make_one() -> None:
            wrong = make_invoice_row(invoice, total=total, line_count=line_count)
            make_line(wrong, hours, position=1)
            execute("SET CONSTRAINTS ALL IMMEDIATE")  # as the commit does

        refuses(make_one, "invoice_adds_up")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_closers_of_one_period_make_one_invoice(self) -> None:
        plan = make_plan(prices={make_service(): GRADUATED})
        organisation = make_subscription(plan_version=plan).organisation
        invoices: list[Invoice] = []

        run_at_once(
            *[
                lambda: invoices.append(
                    close_period(organisation=organisation, days=OCTOBER, now=NOW)
                )
            ]
            * 8,
            expected=CannotClose,
        )

        assert len(invoices) == 8
        assert {invoice.pk for invoice in invoices} == {Invoice.objects.get().pk}
        assert get_last_value("invoices-INV-2026") == 1

    def test_fifty_at_once_leave_no_gap_in_the_numbers(self) -> None:
        """Every fifth one fails, which must not cost a number either."""
        plan = make_plan(prices={make_service(): GRADUATED})
        organisations = [make_subscription(plan_version=plan).organisation for _ in range(50)]
        for organisation in organisations[::5]:
            Subscription.objects.filter(organisation=organisation).delete()

        def closer(organisation: Organisation) -> Callable[[], object]:
            return lambda: close_period(organisation=organisation, days=OCTOBER, now=NOW)

        raised = run_at_once(*map(closer, organisations), expected=CannotClose)

        assert len(raised) == 10
        numbers = sorted(Invoice.objects.values_list("number", flat=True))
        assert numbers == [f"INV-2026-{n:05}" for n in range(1, 41)]

    def test_an_invoice_that_is_rolled_back_gives_its_number_back(self) -> None:
        plan = make_plan(prices={make_service(): GRADUATED})
        first, second = (make_subscription(plan_version=plan).organisation for _ in range(2))
        with transaction.atomic():
            close_period(organisation=first, days=OCTOBER, now=NOW)
            transaction.set_rollback(True)
        invoice = close_period(organisation=second, days=OCTOBER, now=NOW)
        assert invoice.number == "INV-2026-00001"


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def make_invoice_row(
    like: Invoice, *, total: int, tax: Decimal = ZERO, line_count: int = 1, **fields: Any
) -> Invoice:
    return Invoice.objects.create(
        organisation=like.organisation,
        plan_version=like.plan_version,
        legal_entity=like.legal_entity,
        number="INV-2026-99999",
        starts_on=NOVEMBER.first,
        ends_on=NOVEMBER.end,
        currency="EUR",
        total=total,
        tax=tax,
        gross=total + tax,
        line_count=line_count,
        issued_at=NOW,
        due_on=NOVEMBER.end,
        **fields,
    )


def make_line(invoice: Invoice, service: Service, *, position: int) -> None:
    InvoiceLine.objects.create(
        invoice=invoice,
        position=position,
        service=service,
        service_name=service.name,
        quantity=1,
        unit="h",
        amount=5,
        working=[],
    )


def refuses(change: Callable[[], object], rule: str) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        change()
    diagnosis = getattr(caught.value.__cause__, "diag", None)
    assert getattr(diagnosis, "constraint_name", None) == rule
