"""What any days cost: their parts of the bills of the billing periods that they are in."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing.invoicing.charging.by_period import Asked, reading_bills_of_days
from billing.invoicing.charging.rate import RatedPeriod, rate_organisations
from billing.invoicing.charging.rated import added
from billing.invoicing.charging.schedule import Cycle, Cycles, periods_of
from billing.periods import Days, month_of
from billing.pricing.plans import publish
from billing.together import read
from catacloud.accounts.models import Organisation
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_row,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FIRST_FREE = [("1", "0"), (None, "2")]


def days(first: str, end: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(end))


MONTHS, QUARTERS = Cycle(), Cycle(3)
FROM_15TH = Cycle(1, date(2026, 1, 15))


@pytest.mark.parametrize(
    ("asked", "cycles", "periods"),
    [
        (("2026-09-01", "2026-10-01"), [], [("2026-09-01", "2026-10-01")]),
        (
            ("2026-10-31", "2026-11-02"),
            [(date(2026, 1, 1), MONTHS)],
            [("2026-10-01", "2026-11-01"), ("2026-11-01", "2026-12-01")],
        ),
        (
            ("2026-12-14", "2026-12-16"),
            [(date(2026, 1, 15), FROM_15TH)],
            [("2026-11-15", "2026-12-15"), ("2026-12-15", "2027-01-15")],
        ),
        (
            ("2025-05-05", "2025-05-06"),
            [(date(2026, 1, 1), QUARTERS)],
            [("2025-04-01", "2025-07-01")],
        ),
        (  # a change to quarters leaves what there is up to the first whole one
            ("2026-11-09", "2027-01-02"),
            [(date(2026, 1, 1), MONTHS), (date(2026, 11, 1), QUARTERS)],
            [("2026-11-01", "2027-01-01"), ("2027-01-01", "2027-04-01")],
        ),
        (
            ("2026-11-20", "2026-11-21"),
            [(date(2026, 1, 15), FROM_15TH), (date(2026, 11, 1), MONTHS)],
            [("2026-11-15", "2026-12-01")],
        ),
    ],
)
def test_days_are_of_periods_as_invoices_have_them(
    asked: tuple[str, str], cycles: Cycles, periods: list[tuple[str, str]]
) -> None:
    assert list(periods_of(days(*asked), cycles)) == [days(*period) for period in periods]


def cost_of(organisation: Organisation, days: Days, **more: Any) -> RatedPeriod:
    asked = [Asked(days, **more)]
    [bills] = read(reading_bills_of_days(asked, now=NOW, organisations=[organisation.pk]))
    return added(bills[organisation.pk])


@pytest.mark.django_db
class TestRating:
    def test_counts_tiers_in_each_month_and_adds_up_to_the_bills(self) -> None:
        hours = make_service(slug="hours")
        organisation = make_organisation()
        plan = make_plan(prices={hours: FIRST_FREE})
        make_subscription(plan_version=plan, organisation=organisation)
        for day, seconds in ((date(2026, 9, 9), 7201), (date(2026, 10, 9), 10801)):
            make_usage_row(organisation=organisation, service=hours, day=day, quantity=seconds)
        asked = days("2026-09-01", "2026-11-01")

        rated = cost_of(organisation, asked)

        bills = [
            rate_organisations(days=month_of(date(2026, month, 1)), now=NOW)[organisation.pk]
            for month in (9, 10)
        ]
        [line] = rated.lines
        assert [bill.total for bill in bills] == [2, 4]
        assert rated.total == line.amount == 6
        assert line.quantity == sum(bill.lines[0].quantity for bill in bills)
        assert len(line.working) == len(bills[0].lines[0].working) * 2

    def test_rates_a_quarter_as_one_where_it_is_billed_so(self) -> None:
        hours = make_service(slug="hours")
        organisation = make_organisation()
        plan = make_draft(prices={hours: FIRST_FREE})
        plan.billing_period = "quarterly"
        plan.save()
        publish(version=plan, now=LONG_AGO)
        make_subscription(plan_version=plan, organisation=organisation)
        for month in (7, 8, 9):
            make_usage_row(
                organisation=organisation, service=hours, day=date(2026, month, 9), quantity=3600
            )
        asked = days("2026-07-01", "2026-10-01")
        rated = cost_of(organisation, asked)
        assert rated.total == 4

    def test_is_of_the_months_that_have_a_plan(self) -> None:
        hours = make_service(slug="hours")
        organisation = make_organisation()
        plan = make_plan(prices={hours: [(None, "2")]})
        make_subscription(plan_version=plan, organisation=organisation, starts_on=date(2026, 10, 1))
        for month in (9, 10):
            make_usage_row(
                organisation=organisation, service=hours, day=date(2026, month, 9), quantity=3600
            )
        asked = days("2026-09-01", "2026-11-01")
        rated = cost_of(organisation, asked)
        assert rated.total == 2

    def test_rates_what_two_spans_have_alike_once(self) -> None:
        hours = make_service(slug="hours")
        organisation = make_organisation()
        plan = make_plan(prices={hours: FIRST_FREE})
        make_subscription(plan_version=plan, organisation=organisation)
        for month in (9, 10):
            make_usage_row(
                organisation=organisation, service=hours, day=date(2026, month, 9), quantity=7200
            )
        both = days("2026-09-01", "2026-11-01")
        asked = [
            Asked(both),
            Asked(both, as_it_stood=True),
            Asked(days("2026-10-05", "2026-11-01")),
        ]
        now, stood, part = read(
            reading_bills_of_days(asked, now=NOW, organisations=[organisation.pk])
        )
        assert [bill.total for bill in now[organisation.pk]] == [2, 2]
        pairs = zip(now[organisation.pk], stood[organisation.pk], strict=True)
        assert all(one is other for one, other in pairs)
        assert len(part[organisation.pk]) == 1
