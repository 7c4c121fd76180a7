"""What a day brought in by organisation: of days that are over, and of today."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.dashboards.ranges import read_range
from billing.metering.models import Service
from billing.periods import ONE_DAY
from billing.rankings import making, reading, revenue, shares
from billing.rankings.models import RankedOrganisation, Ranking, RevenueMark
from billing.rankings.spans import Span
from tests.factories import make_daily_usage, make_organisation, make_plan, make_subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
ASKED = read_range({}, today=TODAY)


@pytest.fixture(autouse=True)
def _used(monkeypatch):
    """An allowance of five hours, so that a day's price depends on the days before it."""
    monkeypatch.setattr(revenue, "LOOKED_BACK", 23)
    prices = {Service.objects.get(slug="execution-time"): [("5", "0"), (None, "2")]}
    plan = make_plan(prices=prices)
    for name, hours in (("Acme", 3), ("Globex", 1)):
        organisation = make_organisation(name)
        make_subscription(organisation=organisation, plan_version=plan)
        make_daily_usage(organisation, date(2026, 11, 2), date(2026, 11, 4), TODAY, hours=hours)


def shown() -> dict[str, dict[date, Decimal]]:
    """What a page reads: each organisation's days, without those on which nothing came in."""
    rows = reading.read_leaders(Ranking.objects.latest("pk"), "cost").largest
    found = shares.read_days(rows, list(RevenueMark.objects.all()), ASKED.days)
    return {row.name: {d: v for d, v in found[row.organisation_id].items() if v} for row in rows}


def ranked(*, now: datetime = NOW) -> None:
    making.make(Span.of(read_range({}, today=now.date())), now=now)


def test_is_by_how_much_the_month_came_to_more_and_of_today_as_it_was_ranked():
    revenue.fill(now=NOW, seconds=60)
    ranked()
    assert shown() == {"Acme": {date(2026, 11, 4): Decimal(2), TODAY: Decimal(6)}}


def test_adds_up_to_what_services_brought_in():
    revenue.fill(now=NOW, seconds=60)
    ranked()
    of_all = revenue.by_service(list(RevenueMark.objects.all()), ASKED.days, "EUR")
    for day in ASKED.days:
        by_service = sum(days.get(day, 0) for days in of_all.values())
        assert sum(days.get(day, 0) for days in shown().values()) == by_service


def test_keeps_the_last_ranking_of_a_day_until_its_end_is_marked():
    revenue.fill(now=NOW, seconds=60)
    ranked()
    tomorrow = NOW + ONE_DAY
    ranked(now=tomorrow)
    assert shown()["Acme"][TODAY] == 6
    revenue.fill(now=tomorrow, seconds=60)
    assert not RevenueMark.objects.get(day=TODAY).ranking
    assert shown()["Acme"][TODAY] == 6


def test_is_not_known_of_days_that_were_marked_by_service_alone():
    RevenueMark.objects.create(day=date(2026, 11, 22), as_of=NOW, so_far={"EUR": {"1": "2"}})
    ranked()
    assert shown() == {"Acme": {}}
    revenue.fill(now=NOW, seconds=60)  # again, and with it those before
    assert shown() == {"Acme": {date(2026, 11, 4): Decimal(2), TODAY: Decimal(6)}}


def test_is_not_known_once_the_ranking_of_an_unmarked_end_is_forgotten():
    ranked(now=NOW - timedelta(days=3))
    ranked()
    assert RevenueMark.objects.get(day=date(2026, 11, 20)).ranking is None
    assert RankedOrganisation.objects.count() == 2
    assert date(2026, 11, 20) not in shown()["Acme"]
