"""What closing makes of fees, commitments, discounts, credit, pools and prices of one's own."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.accounts import commands, discounts
from billing.accounts.models import PrepaidUse
from billing.invoicing.charging import rate
from billing.invoicing.charging.subscriptions import change_plan, subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.closing.drafting import draft_of
from billing.invoicing.closing.upcoming import upcoming
from billing.invoicing.documents import describing
from billing.invoicing.documents.written import write
from billing.invoicing.settling import correcting
from billing.periods import Days, month_of
from billing.pricing.charges import Charge
from billing.pricing.plans import publish
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_usage_row,
)

pytestmark = pytest.mark.django_db

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (month_of(date(2026, month, 1)) for month in range(8, 12))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
GRADUATED = [("100", "0.10"), (None, "0.05")]


@pytest.fixture
def hours():
    return make_service(slug="hours")


def plan(hours, prices=GRADUATED, **terms):
    draft = make_draft(prices={hours: prices})
    for name, value in terms.items():
        setattr(draft, name, value)
    draft.save()
    publish(version=draft, now=LONG_AGO)
    return draft


def customer(hours, *, used=0, starts_on=date(2026, 9, 1), on=None, **terms):
    version = on or plan(hours, **terms)
    organisation = make_organisation()
    subscribe(organisation=organisation, plan_version=version, starts_on=starts_on, now=LONG_AGO)
    if used:
        use(organisation, hours, used)
    return organisation


def use(organisation, hours, used, day=date(2026, 10, 9)):
    make_usage_row(organisation=organisation, service=hours, day=day, quantity=used * 3600)


def close(organisation, days=OCTOBER):
    return close_period(organisation=organisation, days=days, now=NOW)


def lines(invoice):
    return [(line.kind, f"{line.amount:.2f}") for line in invoice.lines.all()]


class TestBaseFees:
    def test_in_advance_are_of_the_period_that_begins_and_first_of_this_one_too(self, hours):
        one = customer(hours, base_fee=Decimal(30))
        assert lines(close(one, SEPTEMBER)) == [
            ("usage", "0.00"),
            ("base_fee", "30.00"),
            ("base_fee", "30.00"),
        ]
        assert lines(close(one, OCTOBER)) == [("usage", "0.00"), ("base_fee", "30.00")]

    def test_in_arrears_are_of_the_period_that_is_over(self, hours):
        one = customer(hours, base_fee=Decimal(30), base_fee_timing="in_arrears")
        assert lines(close(one, OCTOBER)) == [("usage", "0.00"), ("base_fee", "30.00")]

    def test_are_shared_by_days(self, hours):
        terms = {"base_fee": Decimal(31), "base_fee_timing": "in_arrears"}
        one = customer(hours, starts_on=date(2026, 10, 22), **terms)
        commands.pause(agreed(one), starts_on=date(2026, 10, 30))
        assert lines(close(one, OCTOBER)) == [("usage", "0.00"), ("base_fee", "8.00")]

    def test_charged_in_advance_are_given_back_for_what_did_not_come(self, hours):
        one = customer(hours, base_fee=Decimal(31))
        close(one, SEPTEMBER)
        commands.close(agreed(one), closes_on=date(2026, 10, 11))
        invoice = close(one, OCTOBER)
        assert lines(invoice) == [("usage", "0.00"), ("base_fee", "-21.00")]
        [line] = invoice.lines.filter(kind="base_fee")
        assert [step["kind"] for step in line.working] == ["base fee", "charged"]

    def test_of_a_quarter_are_charged_with_the_quarter(self, hours):
        terms = {"base_fee": Decimal(90), "base_fee_timing": "in_arrears"}
        one = customer(hours, billing_period="quarterly", **terms)
        quarter = Days(date(2026, 7, 1), date(2026, 10, 1))
        # 30 of 92 days
        assert lines(close(one, quarter)) == [("usage", "0.00"), ("base_fee", "29.35")]

    def test_say_what_they_are_in_the_customers_language(self, hours):
        one = customer(hours, base_fee=Decimal(30), minimum_commitment=Decimal(40))
        make_billing_details(one, language="de")
        commands.add_credit(agreed(one), kind="granted", amount=Decimal(15), currency="EUR")
        assert [line.service_name for line in close(one, OCTOBER).lines.all()][1:] == [
            "Grundgebühr 01.10.2026 – 31.10.2026",
            "Grundgebühr 01.11.2026 – 30.11.2026",
            "Mindestumsatz",
            "Gewährtes Guthaben",
        ]


class TestCommitments:
    def test_are_filled_up(self, hours):
        one = customer(hours, used=150, minimum_commitment=Decimal(20))
        assert lines(close(one)) == [("usage", "12.50"), ("commitment", "7.50")]

    def test_count_the_fee_of_their_own_period(self, hours):
        one = customer(hours, used=150, minimum_commitment=Decimal(20), base_fee=Decimal(5))
        close(one, SEPTEMBER)
        assert lines(close(one)) == [
            ("usage", "12.50"),
            ("base_fee", "5.00"),  # of November; October's was charged before
            ("commitment", "2.50"),
        ]


class TestAPriceOfOnesOwn:
    def test_stands_in_place_of_the_plans(self, hours):
        one = customer(hours, used=150)
        commands.override_price(
            agreed(one),
            service=hours,
            terms=PER_UNIT,
            starts_on=OCTOBER.first,
            ends_on=NOVEMBER.end,
        )
        assert lines(close(one)) == [("usage", "75.00")]

    def test_is_not_the_price_after_its_end(self, hours):
        one = customer(hours, used=150)
        commands.override_price(
            agreed(one),
            service=hours,
            terms=PER_UNIT,
            starts_on=SEPTEMBER.first,
            ends_on=OCTOBER.last,
        )
        assert lines(close(one)) == [("usage", "12.50")]

    def test_may_be_for_what_the_plan_has_no_price_for(self, hours):
        other = make_service(slug="another")
        one = customer(hours)
        make_usage_row(organisation=one, service=other, day=date(2026, 10, 9), quantity=2 * 3600)
        commands.override_price(agreed(one), service=other, terms=PER_UNIT, starts_on=OCTOBER.first)
        assert lines(close(one)) == [("usage", "1.00"), ("usage", "0.00")]

    def test_also_prices_late_usage_of_its_periods(self, hours):
        one = customer(hours)
        commands.override_price(
            agreed(one),
            service=hours,
            terms=PER_UNIT,
            starts_on=SEPTEMBER.first,
            ends_on=OCTOBER.first,
        )
        close(one, SEPTEMBER)
        use(one, hours, 4, date(2026, 9, 30))
        assert lines(close(one)) == [("usage", "0.00"), ("correction", "2.00")]


class TestDiscounts:
    def test_for_n_periods_lower_n_invoices(self, hours):
        one = customer(hours, used=100)
        use(one, hours, 100, date(2026, 9, 9))
        use(one, hours, 100, date(2026, 11, 9))
        discounts.grant(
            agreed(one), starts_on=SEPTEMBER.first, text="Start", rate=Decimal("0.25"), periods=2
        )
        invoices = [close(one, days) for days in (SEPTEMBER, OCTOBER, NOVEMBER)]
        assert [lines(invoice)[1:] for invoice in invoices] == [
            [("discount", "-2.50")],
            [("discount", "-2.50")],
            [],
        ]
        assert invoices[0].total == Decimal("7.50")

    def test_for_n_periods_hold_for_late_usage_of_these_and_are_not_used_up_by_it(self, hours):
        one = customer(hours)
        use(one, hours, 40, date(2026, 9, 9))
        discounts.grant(
            agreed(one), starts_on=SEPTEMBER.first, text="Start", rate=Decimal("0.25"), periods=2
        )
        close(one, SEPTEMBER)
        use(one, hours, 20, date(2026, 9, 10))
        use(one, hours, 20)
        use(one, hours, 20, date(2026, 11, 9))
        assert lines(close(one)) == [
            ("usage", "2.00"),
            ("discount", "-0.50"),
            ("correction", "2.00"),
            ("correction", "-0.50"),
        ]
        use(one, hours, 4, date(2026, 10, 10))
        assert lines(close(one, NOVEMBER)) == [
            ("usage", "2.00"),
            ("correction", "0.40"),
            ("correction", "-0.10"),
        ]

    def test_in_another_currency_take_nothing_off(self, hours):
        one = customer(hours, used=100)
        discounts.grant(
            agreed(one), starts_on=OCTOBER.first, text="$", amount=Decimal(1), currency="USD"
        )
        assert lines(close(one)) == [("usage", "10.00")]


class TestCredit:
    def test_granted_is_used_up_over_invoices(self, hours):
        one = customer(hours, used=100)
        use(one, hours, 100, date(2026, 9, 9))
        commands.add_credit(agreed(one), kind="granted", amount=Decimal(15), currency="EUR")
        assert lines(close(one, SEPTEMBER))[1:] == [("credit", "-10.00")]
        assert lines(close(one, OCTOBER))[1:] == [("credit", "-5.00")]

    def test_prepaid_pays_what_is_left_to_be_paid(self, hours):
        one = customer(hours, used=100)
        credit = commands.add_credit(agreed(one), kind="prepaid", amount=Decimal(4), currency="EUR")
        invoice = close(one)
        assert (invoice.gross, invoice.payments.get().amount) == (10, 4)
        assert PrepaidUse.objects.get().credit == credit
        assert invoice.payments.get().reference == "Prepaid credit of 1 Dec 2026"
        use(one, hours, 100, date(2026, 11, 9))
        assert not close(one, NOVEMBER).payments.exists()

    def test_prepaid_is_named_by_its_day_in_the_customers_language(self, hours):
        one = customer(hours, used=100)
        make_billing_details(one, language="de")
        for _ in range(2):
            commands.add_credit(agreed(one), kind="prepaid", amount=Decimal(4), currency="EUR")
        assert [one.reference for one in close(one).payments.all()] == [
            "Vorausbezahltes Guthaben vom 01.12.2026",
            "Vorausbezahltes Guthaben vom 01.12.2026 (2)",
        ]


class TestTwoDrafts:
    """September is over and October runs: what the first one takes is not there for the second."""

    def test_say_together_what_will_be_invoiced_one_after_the_other(self, hours):
        one = customer(hours, base_fee=Decimal(5), base_fee_timing="in_advance")
        use(one, hours, 100, date(2026, 9, 9))
        use(one, hours, 100, date(2026, 10, 1))
        start = SEPTEMBER.first
        discounts.grant(agreed(one), starts_on=start, text="1", rate=Decimal("0.25"), periods=1)
        for kind, amount in [("granted", 18), ("prepaid", 3)]:
            commands.add_credit(agreed(one), kind=kind, amount=Decimal(amount), currency="EUR")
        now = datetime(2026, 10, 2, tzinfo=UTC)

        def said(draft):
            kinds = [(line.kind, f"{line.amount:.2f}") for line in draft.lines]
            return kinds, draft.gross, draft.credit_used, [one.left for one in draft.prepaid]

        first, second = upcoming(one, now=now)
        assert said(first) == (
            # 20.00 of usage and two fees less a quarter; all that is left of it is set against 18.
            [
                ("usage", "10.00"),
                ("base_fee", "5.00"),
                ("base_fee", "5.00"),
                ("discount", "-5.00"),
                ("credit", "-15.00"),
            ],
            0,
            0,
            [3],
        )
        assert said(second) == (
            [("usage", "10.00"), ("base_fee", "5.00"), ("credit", "-3.00")],
            12,
            0,
            [3],
        )
        close_period(organisation=one, days=SEPTEMBER, now=now)
        assert said(draft_of(organisation=one, days=OCTOBER, now=now)) == said(second)

    def test_share_what_earlier_invoices_left(self, hours):
        one = customer(hours, starts_on=AUGUST.first)
        use(one, hours, 100, AUGUST.first)
        close(one, AUGUST)
        use(one, hours, -100, AUGUST.last)
        use(one, hours, 10, date(2026, 9, 9))
        use(one, hours, 20, date(2026, 10, 1))
        drafts = upcoming(one, now=datetime(2026, 10, 2, tzinfo=UTC))
        assert [draft.gross for draft in drafts] == [-9, 2]
        assert [draft.credit_used for draft in drafts] == [0, 2]

    def test_rate_what_came_late_once(self, hours, monkeypatch):
        one = customer(hours, starts_on=AUGUST.first)
        close(one, AUGUST)
        use(one, hours, 100, AUGUST.last)
        rated = []

        def reading_invoiced(invoice, **asked):
            rated.append(invoice)
            return rate.reading_invoiced(invoice, **asked)

        monkeypatch.setattr(correcting, "reading_invoiced", reading_invoiced)
        assert len(upcoming(one, now=datetime(2026, 10, 2, tzinfo=UTC))) == 2
        assert len(rated) == 1


class TestLateUsage:
    def test_is_corrected_by_the_commitment_and_the_discounts_of_its_period(self, hours):
        one = customer(hours, minimum_commitment=Decimal(20))
        use(one, hours, 50, date(2026, 9, 9))
        discounts.grant(
            agreed(one, now=LONG_AGO), starts_on=SEPTEMBER.first, text="Half", rate=Decimal("0.5")
        )
        september = close(one, SEPTEMBER)
        assert lines(september) == [
            ("usage", "5.00"),
            ("commitment", "15.00"),
            ("discount", "-10.00"),
        ]
        use(one, hours, 390, date(2026, 9, 30))  # 440 h are 10.00 + 17.00
        october = close(one, OCTOBER)
        assert lines(october)[3:] == [
            ("correction", "22.00"),  # 27.00 less 5.00
            ("correction", "-15.00"),  # nothing is short of 20.00 any more
            ("correction", "-3.50"),  # half of 27.00 less the half of 20.00
        ]
        written = write(describing.of_invoice(october)).lines[4]
        assert (written.quantity, [step[1] for step in written.steps]) == ("", ["", ""])
        use(one, hours, 20, date(2026, 9, 29))
        assert lines(close(one, NOVEMBER))[3:] == [("correction", "1.00"), ("correction", "-0.50")]


class TestAChangeOfPlan:
    def test_prorated_divides_the_period(self, hours):
        terms = {"base_fee": Decimal(31), "base_fee_timing": "in_arrears"}
        one = customer(hours, used=150, **terms)
        use(one, hours, 10, date(2026, 10, 21))
        dear = plan(hours, [(None, "1")], **(terms | {"base_fee": Decimal(62)}))
        change_plan(agreed(one), plan_version=dear, starts_on=date(2026, 10, 21), is_prorated=True)
        invoice = close(one)
        # 150 h graduated and 10 h at 1; 20 of 31 days at 31 and 11 at 62
        assert lines(invoice) == [("usage", "22.50"), ("base_fee", "42.00")]
        assert invoice.lines.first().quantity == 160
        use(one, hours, 1, date(2026, 10, 22))
        assert lines(close(one, NOVEMBER))[-1] == ("correction", "1.00")

    def test_prorated_shares_by_days_what_is_of_a_whole_period(self, hours):
        def flat(amount):
            draft = make_draft(prices={})
            Charge.objects.create(version=draft, service=hours, model="flat", amount=amount)
            publish(version=draft, now=LONG_AGO)
            return draft

        one = customer(hours, on=flat(31))
        change_plan(
            agreed(one), plan_version=flat(62), starts_on=date(2026, 10, 21), is_prorated=True
        )
        # 20 of 31 days at 31 and 11 at 62
        assert lines(close(one)) == [("usage", "42.00")]


class TestAVolumeAccount:
    def test_is_rated_on_all_and_shared_to_the_last_cent(self, hours):
        version = plan(hours)
        parent = customer(hours, used=100, on=version)
        members = [customer(hours, used=used, on=version) for used in (50, 51)]
        for member in members:
            commands.join_pool(agreed(member), parent=parent, starts_on=OCTOBER.first)
        # 201 h: 100 at 0.10 and 101 at 0.05, that is 15.05: shared 7.4876, 3.7438, 3.8186
        invoices = [close(one) for one in (parent, *members)]
        assert [invoice.total for invoice in invoices] == [
            Decimal("7.49"),
            Decimal("3.74"),
            Decimal("3.82"),
        ]
        line = invoices[1].lines.get()
        assert line.quantity == 50
        assert sum(Decimal(step["amount"]) for step in line.working) == Decimal("3.74")

    def test_is_divided_where_its_parents_plan_changes_and_by_no_others(self, hours):
        version, dear = plan(hours), plan(hours, [(None, "1")])
        parent, member = customer(hours, used=150, on=version), customer(hours, used=50, on=version)
        late = customer(hours, used=100, on=version, starts_on=date(2026, 10, 25))
        for one, day in ((member, OCTOBER.first), (late, date(2026, 10, 25))):
            commands.join_pool(agreed(one), parent=parent, starts_on=day)
        use(member, hours, 10, date(2026, 10, 21))
        for one, day in ((parent, date(2026, 10, 21)), (member, date(2026, 10, 23))):
            change_plan(agreed(one), plan_version=dear, starts_on=day, is_prorated=True)
        # 300 h: 100 at 0.10 and 200 at 0.05, that is 20.00, and then 10 h at 1.
        invoices = [close(one) for one in (parent, member, late)]
        assert [one.total for one in invoices] == [10, Decimal("13.33"), Decimal("6.67")]
        assert set(invoices[1].metered_others) == {str(parent.pk), str(late.pk)}
        use(parent, hours, 2, date(2026, 10, 22))
        assert lines(close(parent, NOVEMBER))[-1] == ("correction", "2.00")

    def test_ends_with_its_last_day(self, hours):
        version = plan(hours)
        parent, member = (customer(hours, used=100, on=version) for _ in range(2))
        commands.join_pool(agreed(member), parent=parent, starts_on=SEPTEMBER.first)
        commands.leave_pool(agreed(member), ends_on=OCTOBER.last)
        assert close(member).total == close(parent).total == 10

    def test_of_another_currency_is_rated_by_itself(self, hours):
        parent = customer(hours, on=make_plan(prices={hours: [(None, "9")]}, currency="USD"))
        member = customer(hours, used=100)
        commands.join_pool(agreed(member), parent=parent, starts_on=OCTOBER.first)
        assert close(member).total == 10


def test_the_preview_takes_the_same_path(hours):
    one = customer(hours, used=150, minimum_commitment=Decimal(20))
    draft = draft_of(organisation=one, days=OCTOBER, now=NOW)
    assert draft
    assert [str(line.amount) for line in draft.lines] == ["12.50", "7.50"]
    assert close(one).total == draft.total
