"""What changes in a period after its invoice is a line on the next one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.accounts.commands import join_pool
from billing.exact import plain
from billing.invoicing.charging.rate import rate_organisations
from billing.invoicing.closing.close import close_period, close_periods
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling.correcting import corrections
from billing.invoicing.settling.crediting import void
from billing.invoicing.settling.unsettled import unsettled
from billing.metering.folding.saga import CONSUMER
from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.periods import DAY_MICROSECONDS, month_of
from billing.together import read
from eventstore.models import Checkpoint
from eventstore.store import partition_of
from tests.billing.accounts.agreeing import agreed
from tests.factories import (
    Prices,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_row,
)

pytestmark = pytest.mark.django_db

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (month_of(date(2026, month, 1)) for month in range(8, 12))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
GRADUATED = [("100", "0.10"), (None, "0.05")]


@pytest.fixture
def hours():
    return make_service(slug="hours")


@pytest.fixture
def storage():
    return make_service(slug="stored", level=True, unit="GB·h", unit_size=36 * 10**17)


@pytest.fixture
def customer(hours, storage):
    plan = make_plan(prices={hours: GRADUATED, storage: [(None, "0.01")]})
    return make_subscription(plan_version=plan).organisation


def use(organisation, service, day, quantity, area=0):
    """Add to a day and move the checkpoint, as late events do."""
    _add(organisation, service, day, quantity, area)
    folded(organisation)


def folded(organisation):
    """Say that the saga went on."""
    partition = partition_of(organisation.pk)
    checkpoint, _ = Checkpoint.objects.get_or_create(consumer=CONSUMER, partition=partition)
    Checkpoint.objects.filter(pk=checkpoint.pk).update(position=F("position") + 1)


def _add(organisation, service, day, quantity, area):
    row = DailyUsage.objects.filter(organisation=organisation, service=service, day=day).first()
    if row is None:
        make_usage_row(
            organisation=organisation, service=service, day=day, quantity=quantity, area=area
        )
    else:
        row.quantity += quantity
        row.area += area
        row.save()


def sharing(parent):
    """Make another one on the same plan, whose usage is rated with its parent's."""
    plan = parent.subscriptions.get().plan_version
    other = make_subscription(plan_version=plan).organisation
    join_pool(agreed(other), parent=parent, starts_on=AUGUST.first)
    return other


def close(organisation, *months):
    return [close_period(organisation=organisation, days=days, now=NOW) for days in months]


def corrected(invoice):
    return [
        (line.corrects.starts_on.month, line.service.slug, plain(line.quantity), str(line.amount))
        for line in invoice.lines.filter(corrects__isnull=False).order_by("position")
    ]


class TestLateUsage:
    def test_is_a_line_on_the_next_invoice_with_both_sides_of_its_working(self, customer, hours):
        use(customer, hours, date(2026, 9, 9), 90 * 3600)
        [september] = close(customer, SEPTEMBER)
        use(customer, hours, date(2026, 9, 30), 20 * 3600)
        [october] = close(customer, OCTOBER)
        # 100 × 0.10 + 10 × 0.05 − 90 × 0.10
        assert corrected(october) == [(9, "hours", "20", "1.5000")]
        line = october.lines.get(corrects=september)
        assert (plain(line.before_quantity), plain(line.before_amount)) == ("90", "9")
        assert [(step["quantity"], step["amount"]) for step in line.working] == [
            ("100", "10"),
            ("10", "0.5"),
        ]
        october.refresh_from_db()
        assert october.total == Decimal("1.50")

    def test_makes_no_line_where_nothing_changed(self, customer, hours):
        use(customer, hours, date(2026, 9, 9), 90 * 3600)
        _, october, november = close(customer, SEPTEMBER, OCTOBER, NOVEMBER)
        assert corrected(october) == corrected(november) == []

    def test_makes_no_line_where_the_amount_is_the_same(self, customer, hours):
        close(customer, SEPTEMBER)
        use(customer, hours, date(2026, 9, 9), 3)
        [october] = close(customer, OCTOBER)
        assert corrected(october) == []

    def test_is_corrected_again_from_where_the_last_correction_left_it(self, customer, hours):
        use(customer, hours, date(2026, 8, 9), 10 * 3600)
        close(customer, AUGUST)
        use(customer, hours, date(2026, 8, 9), 20 * 3600)
        [september] = close(customer, SEPTEMBER)
        use(customer, hours, date(2026, 8, 9), -25 * 3600)
        [october] = close(customer, OCTOBER)
        [november] = close(customer, NOVEMBER)
        assert corrected(september) == [(8, "hours", "20", "2.0000")]
        assert corrected(october) == [(8, "hours", "-25", "-2.5000")]
        assert corrected(november) == []
        assert october.lines.get(corrects__isnull=False).before_amount == Decimal("3")

    def test_of_a_level_moves_all_later_periods(self, customer, storage):
        close(customer, AUGUST, SEPTEMBER)
        use(customer, storage, date(2026, 8, 31), 10**9, 10**9 * DAY_MICROSECONDS)
        [october] = close(customer, OCTOBER)
        assert corrected(october) == [(8, "stored", "24", "0.2400"), (9, "stored", "720", "7.2000")]
        assert sum(line.amount for line in october.lines.all()) == Decimal("14.88")

    def test_is_rated_on_the_plan_of_its_period(self, customer, hours):
        close(customer, SEPTEMBER)
        dear = make_plan(prices={hours: [(None, "7")]})
        make_subscription(plan_version=dear, organisation=customer, starts_on=OCTOBER.first)
        use(customer, hours, date(2026, 9, 9), 3600)
        use(customer, hours, date(2026, 10, 9), 3600)
        [october] = close(customer, OCTOBER)
        assert corrected(october) == [(9, "hours", "1", "0.1000")]
        assert october.total == Decimal("7.10")

    def test_is_only_that_organisations(self, customer, hours):
        other = make_subscription(plan_version=make_plan(prices={hours: GRADUATED})).organisation
        close(customer, SEPTEMBER)
        close(other, SEPTEMBER)
        use(customer, hours, date(2026, 9, 9), 3600)
        assert corrected(close(other, OCTOBER)[0]) == []

    def test_may_make_an_invoice_negative_and_the_sum_stays_right(self, customer, hours):
        use(customer, hours, date(2026, 9, 9), 90 * 3600)
        [september] = close(customer, SEPTEMBER)
        use(customer, hours, date(2026, 9, 9), -90 * 3600)
        [october] = close(customer, OCTOBER)
        assert (september.total, october.total) == (Decimal("9.00"), Decimal("-9.00"))

    def test_in_another_currency_waits_for_an_invoice_in_it(self, customer, hours):
        close(customer, SEPTEMBER)
        dollars = make_plan(prices={hours: [(None, "1")]}, currency="USD")
        make_subscription(plan_version=dollars, organisation=customer, starts_on=OCTOBER.first)
        use(customer, hours, date(2026, 9, 9), 3600)
        [october] = close(customer, OCTOBER)
        assert corrected(october) == []
        [waiting] = read(corrections(organisations=[customer.pk], now=NOW)).lines[customer.pk][
            "EUR"
        ]
        assert waiting.amount == Decimal("0.10")


class TestWhatDidNotChange:
    @pytest.mark.parametrize("count", [1, 3])
    def test_takes_one_query_however_many_invoices_there_are(
        self, customer, hours, storage, count, django_assert_num_queries
    ):
        use(customer, storage, date(2026, 8, 1), 10**9)
        close(customer, *[AUGUST, SEPTEMBER, OCTOBER][:count])
        use(customer, hours, date(2026, 11, 9), 3600)
        with django_assert_num_queries(1):
            assert read(unsettled([customer.pk])).invoices == []

    def test_is_what_the_next_invoice_took_up(self, customer, hours):
        [september] = close(customer, SEPTEMBER)
        use(customer, hours, date(2026, 9, 9), 3600)
        assert read(unsettled([customer.pk])).invoices == [september]
        close(customer, OCTOBER)
        assert read(unsettled([customer.pk])).invoices == []

    def test_is_of_no_month_but_its_own_or_with_a_level_all_later_ones(
        self, customer, hours, storage
    ):
        use(customer, hours, date(2026, 8, 9), 1)
        august, september, october = close(customer, AUGUST, SEPTEMBER, OCTOBER)
        use(customer, hours, date(2026, 9, 30), 3600)
        assert read(unsettled([customer.pk])).invoices == [september]
        use(customer, storage, date(2026, 9, 1), 10**9)
        assert read(unsettled([customer.pk])).invoices == [september, october]
        DailyUsage.objects.filter(organisation=customer, day__month=8).delete()
        assert read(unsettled([customer.pk])).invoices == [august, september, october]

    def test_is_not_what_is_folded_while_an_invoice_is_made(self, customer, hours):
        """The saga's rows are there, but its transaction had not ended when usage was read."""
        folded(customer)
        [september] = close(customer, SEPTEMBER)
        _add(customer, hours, date(2026, 9, 9), 3600, 0)
        assert read(unsettled([customer.pk])).invoices == [september]

    def test_is_looked_at_again_when_what_corrected_it_is_void(self, customer, hours):
        [september] = close(customer, SEPTEMBER)
        use(customer, hours, date(2026, 9, 9), 3600)
        [october] = close(customer, OCTOBER)
        void(october, reason="Wrong.", now=NOW)
        assert read(unsettled([customer.pk])).invoices == [september]

    def test_is_looked_at_where_another_one_used_more_at_its_prices(self, customer, hours):
        others = [sharing(customer) for _ in range(2)]
        everyone = [one.pk for one in (customer, *others)]
        for days in (AUGUST, SEPTEMBER, OCTOBER):
            close_periods(organisations=everyone, days=days, now=NOW)
        assert read(unsettled(everyone)).invoices == []
        use(others[1], hours, date(2026, 9, 9), 3600)
        changed, mates = read(unsettled(everyone))
        assert {one.starts_on for one in changed} == {SEPTEMBER.first}
        assert set(mates[customer.pk]) == {one.pk for one in others}


class TestTheDatabase:
    @pytest.fixture
    def line(self, customer, hours):
        use(customer, hours, date(2026, 9, 9), 3600)
        self.september, self.october = close(customer, SEPTEMBER, OCTOBER)
        return self.october.lines.first()

    def again(self, line, **changes):
        line.pk = None
        for name, value in changes.items():
            setattr(line, name, value)
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            line.save()
        diagnosis = getattr(caught.value.__cause__, "diag", None)
        return getattr(diagnosis, "constraint_name", None)

    def test_refuses_half_a_correction(self, line):
        half = {"corrects": self.september, "before_quantity": None, "position": 1}
        assert self.again(line, **half) == "a_correction_is_whole_and_not_zero"

    def test_refuses_the_correction_of_another_organisations_invoice(self, line):
        other = make_organisation()
        plan = line.invoice.plan_version
        make_subscription(plan_version=plan, organisation=other)
        [theirs] = close(other, SEPTEMBER)
        whole = {"before_quantity": 0, "before_amount": 0, "position": 1}
        assert self.again(line, corrects=theirs, **whole) == "corrections_stay_at_home"
        assert self.again(line, corrects=line.invoice, **whole) == "corrections_stay_at_home"


# A day of a month, a service, and how much more or less it comes to; or that a month is closed, or
# the invoice of one is taken back.
LATE = st.tuples(st.integers(0, 3), st.integers(1, 30), st.booleans(), st.integers(-(10**7), 10**7))


@settings(max_examples=12, deadline=None)
@given(st.lists(LATE | st.none() | st.integers(0, 2), max_size=16))
def test_all_invoices_together_come_to_each_period_rated_once(steps):
    hours, storage = make_service(), make_service(level=True, unit="GB·h", unit_size=36 * 10**17)
    prices: dict[Service, Prices] = {
        hours: [("1000", "0.0333"), (None, "0.0105")],
        storage: [(None, "0.000023")],
    }
    organisation = make_subscription(plan_version=make_plan(prices=prices)).organisation
    months = [AUGUST, SEPTEMBER, OCTOBER, NOVEMBER]
    invoices: dict[int, Invoice] = {}
    for step in steps:
        if step is None:
            for n in [n for n in range(3) if n not in invoices][:1]:
                [invoices[n]] = close(organisation, months[n])
            continue
        if isinstance(step, int):
            if invoice := invoices.pop(step, None):
                void(invoice, reason="Wrong.", now=NOW)
            continue
        month, day, of_level, amount = step
        at = months[month].first + timedelta(days=day - 1)
        if of_level:
            size = amount * 10**3
            use(organisation, storage, at, size, size * DAY_MICROSECONDS // 2)
        else:
            use(organisation, hours, at, amount)
    close(organisation, *(months[n] for n in range(3) if n not in invoices), NOVEMBER)

    valid = Invoice.objects.filter(organisation=organisation, voided_at=None)
    rated = [
        rate_organisations(days=days, now=NOW, organisations=[organisation.pk])[organisation.pk]
        for days in months
    ]
    assert sum(one.total for one in valid) == sum(one.total for one in rated)
    lines = InvoiceLine.objects.filter(invoice__in=valid)
    for service in (hours, storage):
        told = sum(line.amount for line in lines if line.service_id == service.pk)
        assert told == sum(
            line.amount for one in rated for line in one.lines if line.service_id == service.pk
        )
