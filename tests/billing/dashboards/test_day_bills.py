"""What an organisation's days cost on its usage page, whatever days are shown."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.accounts import commands
from billing.dashboards.bill_so_far import reading_agreed
from billing.dashboards.grains import DAY, MONTH, WEEK, places_of
from billing.dashboards.state import Choices, read_state
from billing.dashboards.usage_page import Known, Question, read_usage
from billing.dashboards.used_services import reading_services
from billing.invoicing.charging.by_period import Asked, reading_bills_of_days
from billing.invoicing.charging.rate import rate_organisations
from billing.invoicing.charging.rated import added
from billing.metering.models import Definition, Dimension, Service
from billing.metering.usage_tables import DailyUsage, HourlyUsage
from billing.periods import Days, day_of, month_of
from billing.pricing.models import Charge, Tier
from billing.pricing.plans import publish
from billing.together import read
from tests.billing.accounts.agreeing import agreed
from tests.billing.dashboards.conftest import NOW
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_rows,
)

pytestmark = pytest.mark.django_db

TIERS = [("100", "0"), ("900", "0.013"), (None, "0.007")]
FIRST = date(2026, 8, 1)


@pytest.fixture
def services() -> list[Service]:
    """What adds up over days, as a sum and as a level, and what does not."""
    return [
        Service.objects.get(slug="execution-time"),
        Service.objects.get(slug="storage"),
        make_service(slug="seats", aggregation="max", unit="seats", unit_size=1),
    ]


def use(organisation, services):
    """Use more or less of each service every few days, up to today."""
    rows = []
    for number in range(0, (day_of(NOW) - FIRST).days, 3):
        for at, service in enumerate(services):
            quantity = (number * 7919 + at * 104729) % 9973 * (10**6 if service.is_level else 97)
            sums = {"quantity": Decimal(quantity), "area": 0, "event_count": 1}
            day = FIRST + timedelta(days=number + at)
            rows.append(DailyUsage(organisation=organisation, service=service, day=day, **sums))
    make_usage_rows(rows)


def monthly(acme, services):
    version = make_plan(prices=dict.fromkeys(services, TIERS))
    make_subscription(organisation=acme, plan_version=version)


def quarterly(acme, services):
    version = make_draft(prices=dict.fromkeys(services, TIERS))
    version.billing_period = "quarterly"
    version.save()
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version)


def since_the_tenth(acme, services):
    version = make_draft(prices=dict.fromkeys(services, TIERS))
    version.anchor = "anniversary"
    version.save()
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version, starts_on=date(2026, 6, 10))


def changed_within(acme, services):
    monthly(acme, services)
    for day in (date(2026, 10, 16), date(2026, 11, 28)):  # and to be changed again
        version = make_plan(prices={one: [("50", "0"), (None, "0.02")] for one in services[:2]})
        change = make_subscription(organisation=acme, plan_version=version, starts_on=day)
        change.is_prorated = True
        change.save()


def in_a_volume_account(acme, services):
    monthly(acme, services)
    parent = make_organisation("Parent")
    monthly(parent, services)
    use(parent, services)
    commands.join_pool(agreed(acme), parent=parent, starts_on=date(2026, 9, 1))


def by_region(acme, services):
    """Price a region of the first service by itself, of which hours tell apart what days do not."""
    [service, *others] = services
    definition = Definition.objects.create(
        service=service, starts_at=LONG_AGO, event_types=["test.used"], quantity_path="n"
    )
    Dimension.objects.create(definition=definition, name="region", path="region")
    version = make_draft(prices=dict.fromkeys(others, TIERS))
    for priced, price in (({"dimension": "region", "value": "eu"}, "0.013"), ({}, "0.007")):
        charge = Charge.objects.create(version=version, service=service, model="per_unit", **priced)
        Tier.objects.create(charge=charge, unit_price=Decimal(price))
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version)
    start = datetime(2026, 8, 1, 12, tzinfo=UTC)
    HourlyUsage.objects.bulk_create(
        HourlyUsage(
            organisation=acme,
            service=service,
            hour=start + timedelta(days=number),
            groups={"region": region},
            **{"quantity": Decimal(number * 3607 + 1), "area": 0, "event_count": 1},
        )
        for number in range(0, (day_of(NOW) - FIRST).days, 3)
        for region in ("eu", "us")
    )


def shown(organisation, days: Days, grain=DAY) -> Known:
    asked = {"from": f"{days.first}", "to": f"{days.last}", "grain": grain}
    today = day_of(NOW, organisation.zone)
    state = read_state(asked, today=today, choices=Choices())
    terms, used = (
        read(reading_agreed(organisation.pk)),
        read(reading_services(organisation, always=())),
    )
    return read_usage(Question(organisation, terms, used, state, NOW))


def by_service(bill):
    sums = defaultdict(Decimal)
    for line in bill.lines if bill else ():
        sums[line.service_id] += line.amount
    return sums


def sum_of(costs, days):
    return sum(cost for day, cost in costs.items() if day in days)


days_shown = st.integers(0, (day_of(NOW) - FIRST).days).map(lambda n: FIRST + timedelta(days=n))
spans = st.tuples(days_shown, days_shown).map(
    lambda two: Days(min(two), max(two) + timedelta(days=1))
)


@pytest.mark.parametrize(
    "agreed_on",
    [monthly, quarterly, since_the_tenth, changed_within, in_a_volume_account, by_region],
)
def test_add_up_to_what_they_cost_together_and_whole_periods_to_their_bills(services, agreed_on):
    acme = make_organisation("Acme", time_zone="Europe/Berlin")  # clocks change on 25 October
    agreed_on(acme, services)
    use(acme, services)
    always = shown(acme, Days(FIRST, day_of(NOW) + timedelta(days=1)))

    @given(spans)
    @settings(max_examples=4, deadline=None)
    def check(days):
        known = shown(acme, days)
        assert by_service(known.bill) == {
            service: sum(costs.values()) for service, costs in known.costs.items()
        }
        for service, costs in known.costs.items():
            assert costs.items() <= always.costs[service].items()
        for grain in (WEEK, MONTH):
            places = shown(acme, days, grain)
            assert places.bill == known.bill
            for service, costs in known.costs.items():
                by_place = places.costs[service]
                for place in places_of(days, grain):
                    assert sum_of(by_place, place) == sum_of(costs, place)
        [ranked] = read(reading_bills_of_days([Asked(days)], now=NOW, organisations=[acme.pk]))
        bills = ranked[acme.pk]
        assert known.bill == (added(bills) if len(bills) > 1 else bills[0])

    check()
    if agreed_on in (monthly, changed_within, in_a_volume_account, by_region):
        for month in (8, 9, 10):
            days = month_of(date(2026, month, 1))
            billed = rate_organisations(days=days, now=NOW, organisations=[acme.pk])[acme.pk]
            assert shown(acme, days).bill == billed
            assert by_service(billed) == {
                service: sum_of(costs, days) for service, costs in always.costs.items()
            }
