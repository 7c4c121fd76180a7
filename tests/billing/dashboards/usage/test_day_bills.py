"""What an organisation's days cost on its usage page, whatever days are shown."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.dashboards.grains import DAY, MONTH, WEEK, places_of
from billing.dashboards.usage.bill_so_far import reading_agreed
from billing.dashboards.usage.reading import Known, Question, read_usage
from billing.dashboards.usage.state import Choices, read_state
from billing.dashboards.usage.used_services import reading_services
from billing.invoicing.charging.by_period import Asked, reading_bills_of_days
from billing.invoicing.charging.rate import rate_organisations
from billing.invoicing.charging.rated import added
from billing.metering.models import Service
from billing.periods import Days, day_of, month_of
from billing.rankings.spans import Span
from billing.rankings.used import FiguresByMonth, read_together
from billing.together import read
from tests.billing.dashboards.billed_so import (
    FIRST,
    WAYS,
    by_region,
    changed_within,
    in_a_volume_account,
    monthly,
    of_each_kind,
    use,
)
from tests.billing.dashboards.conftest import NOW
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def services() -> list[Service]:
    return of_each_kind()


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


def as_a_ranking_reads(organisation, days, few):
    """Return the figures of days and of the months that they are in, added up beforehand."""
    span = Span(days.first, days.end, days.first - timedelta(days=len(days)), 0)
    with patch("billing.rankings.used.FEW", few):
        figures = FiguresByMonth([organisation.pk], span, NOW, read_together(span, NOW))
    figures.of(days)
    return figures.known_of


days_shown = st.integers(0, (day_of(NOW) - FIRST).days).map(lambda n: FIRST + timedelta(days=n))
spans = st.tuples(days_shown, days_shown).map(
    lambda two: Days(min(two), max(two) + timedelta(days=1))
)


@pytest.mark.parametrize("agreed_on", WAYS)
def test_add_up_to_what_they_cost_together_and_whole_periods_to_their_bills(services, agreed_on):
    acme = make_organisation("Acme", time_zone="Europe/Berlin")  # clocks change on 25 October
    agreed_on(acme, services)
    use(acme, services)
    always = shown(acme, Days(FIRST, day_of(NOW) + timedelta(days=1)))

    @given(spans)
    @example(Days(date(2026, 10, 1), day_of(NOW) + timedelta(days=1)))  # all of a quarter so far
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
        for few in (0, 500):
            asked = [Asked(days, as_a_ranking_reads(acme, days, few))]
            assert read(reading_bills_of_days(asked, now=NOW, organisations=[acme.pk])) == [ranked]

    check()
    if agreed_on in (monthly, changed_within, in_a_volume_account, by_region):
        for month in (8, 9, 10):
            days = month_of(date(2026, month, 1))
            billed = rate_organisations(days=days, now=NOW, organisations=[acme.pk])[acme.pk]
            assert shown(acme, days).bill == billed
            assert by_service(billed) == {
                service: sum_of(costs, days) for service, costs in always.costs.items()
            }
