from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from billing.exact import plain
from billing.invoicing.charging.rate import rate_organisations
from billing.metering.models import Service
from billing.periods import DAY_MICROSECONDS, Days, month_of
from tests.factories import (
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_row,
)

pytestmark = pytest.mark.django_db

OCTOBER = month_of(date(2026, 10, 1))
NOVEMBER = datetime(2026, 11, 3, tzinfo=UTC)
GRADUATED = [("100", "0.10"), (None, "0.05")]


@pytest.fixture
def hours() -> Service:
    return make_service(slug="hours")


@pytest.fixture
def storage() -> Service:
    return make_service(slug="storage-level", level=True, unit="GB·h", unit_size=36 * 10**17)


class TestRateOrganisations:
    def test_prices_each_service_in_its_unit(self, hours: Service, storage: Service) -> None:
        organisation = make_organisation()
        plan = make_plan(prices={storage: GRADUATED, hours: [(None, "0.35")]})
        make_subscription(plan_version=plan, organisation=organisation)
        make_usage_row(
            organisation=organisation, service=hours, day=date(2026, 10, 9), quantity=5400
        )
        # 10 GB from the start of 31 October on: 240 GB·h.
        make_usage_row(
            organisation=organisation,
            service=storage,
            day=date(2026, 10, 31),
            quantity=10**10,
            area=10**10 * DAY_MICROSECONDS,
        )

        rated = rate_organisations(days=OCTOBER, now=NOVEMBER)[organisation.pk]

        assert (rated.currency, rated.plan_version_id) == ("EUR", plan.pk)
        assert [(line.service_name, plain(line.quantity), line.unit) for line in rated.lines] == [
            ("hours", "1.5", "h"),
            ("storage-level", "240", "GB·h"),
        ]
        # 1.5 h × 0.35 = 0.525, half up; 100 × 0.10 + 140 × 0.05
        assert [str(line.amount) for line in rated.lines] == ["0.53", "17.00"]
        assert str(rated.total) == "17.53"
        assert [plain(use.amount) for use in rated.lines[1].working] == ["10", "7"]

    def test_so_far_is_what_has_passed(self, storage: Service) -> None:
        subscription = make_subscription(plan_version=make_plan(prices={storage: [(None, "1")]}))
        make_usage_row(
            organisation=subscription.organisation,
            service=storage,
            day=date(2026, 9, 1),
            quantity=10**9,
        )
        now = datetime(2026, 10, 1, 6, tzinfo=UTC)

        rated = rate_organisations(days=OCTOBER, now=now)[subscription.organisation_id]

        assert rated.total == 6

    def test_a_service_that_was_not_used_still_has_its_line(self, hours: Service) -> None:
        subscription = make_subscription(plan_version=make_plan(prices={hours: GRADUATED}))

        [line] = rate_organisations(days=OCTOBER, now=NOVEMBER)[subscription.organisation_id].lines

        assert (plain(line.quantity), str(line.amount)) == ("0", "0.00")

    def test_a_service_without_a_charge_costs_nothing(self, hours: Service) -> None:
        subscription = make_subscription(plan_version=make_plan(prices={hours: GRADUATED}))
        make_usage_row(
            organisation=subscription.organisation,
            service=make_service(),
            day=date(2026, 10, 1),
            quantity=10**9,
        )
        assert (
            rate_organisations(days=OCTOBER, now=NOVEMBER)[subscription.organisation_id].total == 0
        )

    def test_the_plan_of_the_last_day_counts(self, hours: Service) -> None:
        organisation = make_organisation()
        plans = [make_plan(prices={hours: [(None, price)]}) for price in ("1", "2", "3")]
        starts = [date(2026, 1, 1), date(2026, 10, 31), date(2026, 11, 1)]
        for plan, starts_on in zip(plans, starts, strict=True):
            make_subscription(plan_version=plan, organisation=organisation, starts_on=starts_on)

        rated = rate_organisations(days=OCTOBER, now=NOVEMBER)

        assert rated[organisation.pk].plan_version_id == plans[1].pk

    def test_without_a_plan_at_the_end_one_is_absent(self, hours: Service) -> None:
        make_organisation()
        plan = make_plan(prices={hours: GRADUATED})
        make_subscription(plan_version=plan, starts_on=OCTOBER.end)
        assert rate_organisations(days=OCTOBER, now=NOVEMBER) == {}

    def test_only_those_who_were_asked_for(self, hours: Service) -> None:
        plan = make_plan(prices={hours: GRADUATED})
        asked, _ = make_subscription(plan_version=plan), make_subscription(plan_version=plan)
        rated = rate_organisations(
            days=OCTOBER, now=NOVEMBER, organisations=[asked.organisation_id]
        )
        assert list(rated) == [asked.organisation_id]

    def test_a_yen_has_no_cents(self, hours: Service) -> None:
        plan = make_plan(prices={hours: [(None, "1.5")]}, currency="JPY")
        subscription = make_subscription(plan_version=plan)
        make_usage_row(
            organisation=subscription.organisation,
            service=hours,
            day=date(2026, 10, 1),
            quantity=3600,
        )
        rated = rate_organisations(days=OCTOBER, now=NOVEMBER)[subscription.organisation_id]
        assert str(rated.total) == "2"

    @pytest.mark.parametrize("many", [1, 30])
    def test_takes_three_queries_for_any_number(
        self, hours: Service, many: int, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(many):
            make_subscription(plan_version=make_plan(prices={hours: GRADUATED}))
        with django_assert_num_queries(3):
            assert len(rate_organisations(days=OCTOBER, now=NOVEMBER)) == many

    def test_the_days_of_a_month_add_up_to_it_before_pricing(self, hours: Service) -> None:
        """A third of an hour has no end in decimals: it is cut once, for the whole period."""
        subscription = make_subscription(plan_version=make_plan(prices={hours: [(None, "3")]}))
        for day in (1, 2, 3):
            make_usage_row(
                organisation=subscription.organisation,
                service=hours,
                day=date(2026, 10, day),
                quantity=Decimal(1200),
            )
        days = Days(date(2026, 10, 1), date(2026, 10, 4))
        rated = rate_organisations(days=days, now=NOVEMBER)[subscription.organisation_id]
        assert rated.total == 3
