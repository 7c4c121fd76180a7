"""What days brought in on the overview: what organisations' own pages show as their cost."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.dashboards.overview.figures import read as read_overview
from billing.dashboards.ranges import read_range
from billing.invoicing.charging.schedule import cycle_of
from billing.invoicing.closing.close import close_period
from billing.metering.changed import UsageChange
from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.periods import ONE_DAY, Days, day_of
from billing.pricing.plans import publish
from billing.revenue import batches, keeping, reading
from billing.revenue.batches import Wanted
from billing.revenue.models import DayRevenue, PeriodRevenue
from billing.revenue.working_out import work_out
from billing.together import read
from catacloud.accounts.models import Organisation
from tests.billing.dashboards import billed_so
from tests.billing.dashboards.billed_so import FIRST, TIERS, WAYS, use
from tests.billing.dashboards.conftest import NOW
from tests.billing.dashboards.usage.test_day_bills import shown
from tests.factories import (
    LONG_AGO,
    make_daily_usage,
    make_draft,
    make_organisation,
    make_plan,
    make_seller,
    make_subscription,
    make_usage_rows,
)

pytestmark = pytest.mark.django_db

TODAY = day_of(NOW)
ALL = Days(FIRST, TODAY + ONE_DAY)


@pytest.fixture
def services() -> list[Service]:
    return billed_so.of_each_kind()


def own_page(organisation) -> dict[date, Decimal]:
    sums = dict.fromkeys(ALL, Decimal(0))
    for costs in shown(organisation, ALL).costs.values():
        for day, cost in costs.items():
            sums[day] += cost
    return sums


def revenue_of(organisation, days: Days = ALL) -> dict[date, Decimal]:
    """Return what the overview shows of an organisation."""
    known = read(reading.reading(days))
    return reading.read_days({organisation.pk: "EUR"}, known, days)[organisation.pk]


def of_all(days: Days = ALL) -> dict[date, Decimal]:
    """Return what the overview shows by service, all of them together."""
    sums = dict.fromkeys(days, Decimal(0))
    for its in read(reading.reading(days)).by_service(days, "EUR").values():
        for day, amount in its.items():
            sums[day] += amount
    return sums


def adds_up() -> bool:
    """Say whether what services brought in is what organisations did, and none is of no period."""
    sums: defaultdict[tuple[date, str, int], Decimal] = defaultdict(Decimal)
    for row in PeriodRevenue.objects.all():
        for number, amounts in enumerate(zip(*row.services.values(), strict=True)):
            assert sum(map(Decimal, amounts)) == row.amounts[number]
            for service, amount in zip(row.services, amounts, strict=True):
                sums[row.first + ONE_DAY * number, row.currency, int(service)] += Decimal(amount)
    rows = DayRevenue.objects.values_list("day", "currency", "service_id", "amount")
    found = {tuple(key): amount for *key, amount in rows if amount}
    return found == {key: amount for key, amount in sums.items() if amount}


@pytest.mark.parametrize("agreed_on", WAYS)
def test_are_those_of_the_organisations_own_page(services, agreed_on):
    acme = make_organisation("Acme", time_zone="Europe/Berlin")
    agreed_on(acme, services)
    use(acme, services)
    keeping.keep(now=NOW, seconds=60)
    assert revenue_of(acme) == own_page(acme)
    assert any(revenue_of(acme).values())
    assert adds_up()


anchors = st.tuples(
    st.sampled_from(["monthly", "quarterly", "yearly"]),
    st.sampled_from(["calendar", "anniversary"]),
    st.dates(date(2025, 1, 1), date(2025, 10, 31)),
)
amounts = st.lists(st.tuples(st.integers(0, 365), st.integers(1, 10**7)), min_size=1, max_size=9)


def test_add_up_to_what_the_invoice_of_any_period_has_for_usage(monkeypatch):
    services = billed_so.what_adds_up()
    monkeypatch.setattr(keeping, "LOOKED_BACK", timedelta(days=800))
    make_seller()
    keeping.keep(now=NOW, seconds=60)  # so that all days are known

    @given(anchors, amounts)
    @settings(max_examples=12, deadline=None)
    def check(anchor, used):
        billing_period, anchored, subscribed_on = anchor
        cycle = cycle_of(
            billing_period=billing_period, anchor=anchored, subscribed_on=subscribed_on
        )
        period = cycle.period_of(cycle.period_of(TODAY).first - ONE_DAY)
        acme = make_organisation()
        version = make_draft(prices=dict.fromkeys(services, TIERS))
        version.billing_period, version.anchor = billing_period, anchored
        version.save()
        publish(version=version, now=LONG_AGO)
        make_subscription(organisation=acme, plan_version=version, starts_on=subscribed_on)
        usage = {period.first + ONE_DAY * (at % len(period)): count for at, count in used}
        make_usage_rows(
            [
                DailyUsage(
                    organisation=acme,
                    service=service,
                    day=day,
                    **{"quantity": Decimal(count), "area": 0, "event_count": 1},
                )
                for day, count in usage.items()
                for service in services
            ]
        )
        wanted = Wanted(period.first, period.end)
        batches.work({acme.pk: wanted}, since=wanted.first, now=NOW)
        invoice = close_period(organisation=acme, days=period, now=NOW)
        billed = sum(line.amount for line in invoice.lines.filter(kind="usage"))
        assert sum(revenue_of(acme, period).values()) == billed

    check()
    assert adds_up()


class TestAfterwards:
    """What changes is worked out again, of nobody else, and of no other period."""

    @pytest.fixture
    def acme(self, services):
        acme, globex = make_organisation("Acme"), make_organisation("Globex")
        billed_so.quarterly(acme, services)
        billed_so.monthly(globex, services)
        use(acme, services)
        use(globex, services)
        keeping.keep(now=NOW - timedelta(hours=1), seconds=60)
        UsageChange.objects.all().delete()  # no saga runs, so all would stay new
        return acme

    def test_usage_that_comes_late_is_of_the_day_on_which_it_was_used(self, acme, services):
        globex, summer = Organisation.objects.get(name="Globex"), Days(FIRST, date(2026, 10, 1))
        before, of_globex, all_before = revenue_of(acme), revenue_of(globex), of_all()
        late = date(2026, 9, 10)
        make_daily_usage(acme, late, hours=700)
        keeping.renew(now=NOW)
        after, all_after = revenue_of(acme), of_all()
        assert after == own_page(acme)
        assert after[late] > before[late] + 1
        assert revenue_of(globex) == of_globex
        assert [after[day] - before[day] for day in summer] == [
            all_after[day] - all_before[day] for day in summer
        ]
        assert adds_up()

    def test_usage_of_one_in_a_volume_account_is_that_of_all_in_it(self, acme, services):
        initech = make_organisation("Initech")
        billed_so.in_a_volume_account(initech, services)
        use(initech, services)
        keeping.keep(now=NOW - timedelta(minutes=30), seconds=60)
        UsageChange.objects.all().delete()
        parent = Organisation.objects.get(name="Parent")
        before = revenue_of(initech)
        make_daily_usage(parent, date(2026, 9, 10), hours=7000)
        keeping.renew(now=NOW)
        assert revenue_of(initech) == own_page(initech) != before
        assert revenue_of(parent) == own_page(parent)
        assert adds_up()

    def test_a_plan_that_is_agreed_on_later_for_days_before_prices_them(self, acme, services):
        version = make_plan(prices={services[0]: [(None, "0.5")]})
        make_subscription(organisation=acme, plan_version=version, starts_on=date(2026, 9, 2))
        keeping.keep(now=NOW, seconds=0)
        assert revenue_of(acme) == own_page(acme)
        assert adds_up()

    def test_other_billing_periods_take_the_place_of_those_before(self, acme, services):
        initech = make_organisation("Initech")
        use(initech, services)
        keeping.renew(now=NOW)
        assert not any(revenue_of(initech).values())
        UsageChange.objects.all().delete()
        billed_so.since_the_tenth(initech, services)
        keeping.keep(now=NOW, seconds=0)
        assert revenue_of(initech) == own_page(initech)
        assert any(revenue_of(initech).values())
        assert adds_up()
        firsts = PeriodRevenue.objects.filter(organisation=initech).values_list("first", flat=True)
        assert {first.day for first in firsts} == {10}

    def test_goes_on_with_what_goes_on_and_what_was_not_over(self, acme, services):
        """No worker was there for two months: one has ended, one came and went, one goes on."""
        later = datetime(2027, 1, 20, tzinfo=UTC)
        keeping.keep(now=later, seconds=0)
        globex = PeriodRevenue.objects.filter(organisation__name="Globex", first__gte=TODAY)
        assert {row.first: (row.is_over, len(row.amounts)) for row in globex} == {
            date(2026, 12, 1): (True, 31),
            date(2027, 1, 1): (False, 20),
        }
        november = PeriodRevenue.objects.get(organisation__name="Globex", first=date(2026, 11, 1))
        assert (november.is_over, len(november.amounts)) == (True, 30)
        assert adds_up()

    def test_nothing_is_worked_out_that_is_over_and_the_same(self, acme, monkeypatch):
        asked = []

        def noted(wanted, **more):
            asked.extend(period for periods in wanted.values() for period in periods)
            return work_out(wanted, **more)

        monkeypatch.setattr("billing.revenue.batches.work_out", noted)
        keeping.keep(now=NOW, seconds=60)
        goes_on = (
            Days(date(2026, 11, 1), date(2026, 12, 1)),
            Days(date(2026, 10, 1), date(2027, 1, 1)),
        )
        assert set(asked) == set(goes_on)


def test_the_overview_compares_them_as_its_tile_does(services):
    """The tile's figure is that of the days of the chart below it, whatever periods they are of."""
    acme, globex = make_organisation("Acme"), make_organisation("Globex")
    billed_so.quarterly(acme, services)
    billed_so.since_the_tenth(globex, services)
    use(acme, services)
    use(globex, services)
    keeping.keep(now=NOW, seconds=60)
    asked = read_range({}, today=TODAY)
    platform = read_overview(asked, metric="cost", by="service", is_compared=True, now=NOW)
    [tile] = platform.revenue_headline().costs
    [stack] = platform.stacks([])
    assert tile.amount == sum(stack.totals[day] for day in asked.days)
