"""What several billing periods cost, each rated as it is billed."""

from datetime import UTC, date, datetime

import pytest

from billing.invoicing.charging.by_period import periods_in, reading_rated_by_period
from billing.invoicing.charging.rate import rate_organisations
from billing.invoicing.charging.schedule import Cycle
from billing.periods import Days, month_of
from billing.pricing.plans import publish
from billing.together import read
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


@pytest.mark.parametrize(
    ("asked", "cycle", "periods"),
    [
        (days("2026-09-01", "2026-10-01"), Cycle(), [days("2026-09-01", "2026-10-01")]),
        (
            days("2026-12-01", "2027-03-01"),
            Cycle(),
            [
                days("2026-12-01", "2027-01-01"),
                days("2027-01-01", "2027-02-01"),
                days("2027-02-01", "2027-03-01"),
            ],
        ),
        (
            days("2026-10-01", "2026-11-24"),
            Cycle(),
            [days("2026-10-01", "2026-11-01"), days("2026-11-01", "2026-11-24")],
        ),
        (days("2026-10-02", "2026-11-24"), Cycle(), [days("2026-10-02", "2026-11-24")]),
        (days("2026-10-01", "2026-11-24"), Cycle(3), [days("2026-10-01", "2026-11-24")]),
        (
            days("2026-09-15", "2026-11-15"),
            Cycle(1, date(2026, 1, 15)),
            [days("2026-09-15", "2026-10-15"), days("2026-10-15", "2026-11-15")],
        ),
    ],
)
def test_days_are_periods_where_they_begin_with_one(
    asked: Days, cycle: Cycle, periods: list[Days]
) -> None:
    assert list(periods_in(asked, cycle)) == periods


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

        rated = read(reading_rated_by_period(days=asked, now=NOW, organisations=[organisation.pk]))

        bills = [
            rate_organisations(days=month_of(date(2026, month, 1)), now=NOW)[organisation.pk]
            for month in (9, 10)
        ]
        [line] = rated[organisation.pk].lines
        assert [bill.total for bill in bills] == [2, 4]
        assert rated[organisation.pk].total == line.amount == 6
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
        rated = read(reading_rated_by_period(days=asked, now=NOW, organisations=[organisation.pk]))
        assert rated[organisation.pk].total == 4

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
        rated = read(reading_rated_by_period(days=asked, now=NOW, organisations=[organisation.pk]))
        assert rated[organisation.pk].total == 2
