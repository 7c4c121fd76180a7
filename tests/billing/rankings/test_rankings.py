"""Organisations, ranked beforehand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from billing.dashboards.ranges import read_range
from billing.metering.models import Service
from billing.periods import Days
from billing.rankings import asking, making, reading, revenue, upkeep
from billing.rankings.models import RankedOrganisation, Ranking, RevenueMark
from billing.rankings.spans import Span
from billing.rankings.tasks import rank, rank_usual
from tests.factories import make_daily_usage, make_organisation, make_plan, make_subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPAN = Span.of(read_range({}, today=NOW.date()))


def hours(name: str, *, october: int = 0, november: int = 0):
    organisation = make_organisation(name)
    make_daily_usage(organisation, date(2026, 10, 5), hours=october)
    make_daily_usage(organisation, date(2026, 11, 5), hours=november)
    return organisation


def names(rows) -> list[str]:
    return [row.name for row in rows]


class TestMaking:
    def test_says_what_each_used_and_how_that_changed(self):
        hours("Acme", october=10, november=4)
        ranking = making.make(SPAN, now=NOW)
        (row,) = RankedOrganisation.objects.filter(ranking=ranking)
        assert (row.execution, row.execution_before) == (4, 10)
        assert (row.execution_difference, row.execution_percent) == (-6, -60)

    def test_counts_what_was_nothing_before_as_no_percentage(self):
        hours("Acme", november=4)
        making.make(SPAN, now=NOW)
        assert RankedOrganisation.objects.get().execution_percent == 0

    def test_prices_what_was_used_and_adds_it_up(self):
        prices = {Service.objects.get(slug="execution-time"): [(None, "2")]}
        plan = make_plan(prices=prices)
        for name in ("Acme", "Globex"):
            organisation = hours(name, october=1, november=3)
            make_subscription(organisation=organisation, plan_version=plan)
        hours("Unpriced", november=9)
        ranking = making.make(SPAN, now=NOW)
        assert ranking.costs == [{"currency": "EUR", "cost": "12", "compared": "12", "before": "4"}]
        assert (ranking.organisations, ranking.unpriced) == (3, 1)
        assert (ranking.invoices_final, ranking.invoices_all) == (0, 2)

    def test_prices_months_one_by_one(self):
        prices = {Service.objects.get(slug="execution-time"): [("1", "0"), (None, "2")]}
        organisation = hours("Acme", october=3, november=2)  # the first hour of each is free
        make_subscription(organisation=organisation, plan_version=make_plan(prices=prices))
        asked = read_range({"from": "2026-10-01", "to": "2026-11-23"}, today=NOW.date())
        ranking = making.make(Span.of(asked), now=NOW)
        assert RankedOrganisation.objects.get().cost == 6
        assert ranking.costs[0]["cost"] == "6"

    def test_takes_the_place_of_the_one_before_and_leaves_it_to_who_reads_it(self):
        made = [making.make(SPAN, now=NOW + timedelta(hours=n)).pk for n in range(3)]
        assert set(Ranking.objects.values_list("pk", flat=True)) == set(made[1:])
        assert upkeep.newest(SPAN) == Ranking.objects.get(pk=made[2])

    def test_forgets_days_that_nobody_asks_for(self):
        making.make(SPAN, now=NOW - timedelta(days=3))
        other = Span(date(2026, 1, 1), date(2026, 2, 1), date(2025, 12, 1), 0)
        making.make(other, now=NOW)
        assert upkeep.newest(SPAN) is None


class TestReading:
    @pytest.fixture
    def ranking(self):
        for n, name in enumerate(["Alpha", "beta", "Gamma", "Delta"]):
            hours(name, october=5, november=n * 5)
        return making.make(SPAN, now=NOW)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("name", ["Alpha", "beta", "Delta", "Gamma"]),
            ("-execution", ["Delta", "Gamma", "beta", "Alpha"]),
            ("execution_percent", ["Alpha", "beta", "Gamma", "Delta"]),
        ],
    )
    def test_sorts(self, ranking, sort, expected):
        _, rows = reading.read_page(ranking, "stored", sort=sort, search="", number=None)
        assert names(rows) == expected

    def test_searches_names_without_regard_to_case(self, ranking):
        _, rows = reading.read_page(ranking, "stored", sort="name", search="ET", number="1")
        assert names(rows) == ["beta"]

    def test_names_those_that_rose_and_fell_the_most(self, ranking):
        leaders = reading.read_leaders(ranking, "execution")
        assert names(leaders.largest) == ["Delta", "Gamma", "beta"]
        assert names(leaders.moved) == ["Delta", "Gamma", "Alpha"]


class TestUpkeep:
    @pytest.fixture(autouse=True)
    def nobody_is_at_it(self):
        """Workers that other tests killed may be said to be, for as long as a task may take."""
        cache.clear()

    @pytest.fixture
    def rung(self, monkeypatch):
        """Rings for a worker: each says whether it is for news."""
        rings = []
        monkeypatch.setattr(
            rank, "apply_async", lambda kwargs, expires: rings.append(kwargs["is_news"])
        )
        return rings

    def test_makes_it_seldomer_the_longer_it_takes(self):
        ranking = Ranking(end=SPAN.end, as_of=NOW, took=timedelta(seconds=30))
        assert not upkeep.is_due(ranking, now=NOW + timedelta(seconds=299))
        assert upkeep.is_due(ranking, now=NOW + timedelta(seconds=300))

    def test_makes_it_seldom_of_days_that_are_over(self):
        ranking = Ranking(end=NOW.date(), as_of=NOW, took=timedelta())
        assert not upkeep.is_due(ranking, now=NOW + timedelta(seconds=299))
        assert upkeep.is_due(ranking, now=NOW + timedelta(seconds=300))

    def test_makes_what_is_due_once(self):
        for _ in range(2):
            upkeep.keep(SPAN, now=NOW)
        assert Ranking.objects.count() == 1

    def test_leaves_a_large_platform_to_a_worker(self, monkeypatch, rung):
        monkeypatch.setattr(asking, "AT_ONCE", 0)
        make_organisation()
        assert asking.ask(SPAN, None, now=NOW) is None
        assert rung == [False]

    def test_makes_it_soon_where_figures_are_new(self, rung):
        ranking = Ranking(end=SPAN.end, as_of=NOW, took=timedelta())
        for seconds, stamp in [(0, "a"), (2, "b"), (3, "b"), (4, "c")]:
            asking.ask(SPAN, ranking, now=NOW + timedelta(seconds=seconds), stamp=stamp)
            cache.delete(upkeep.bell_of(SPAN))
        assert rung == [True, True]

    def test_can_be_rung_for_again_as_soon_as_it_is_made(self, rung):
        for hours_later in (0, 1):
            now = NOW + timedelta(hours=hours_later)
            asking.ask(SPAN, making.make(SPAN, now=now - timedelta(minutes=50)), now=now)
            asking.ask(SPAN, upkeep.newest(SPAN), now=now)
            upkeep.keep(SPAN, now=now)
        assert len(rung) == 2

    def test_does_what_the_tasks_say(self, monkeypatch):
        sent = []
        monkeypatch.setattr(rank, "apply_async", lambda kwargs: sent.append(kwargs))
        rank_usual()
        assert len(sent) == 2
        rank(**sent[0])
        assert Ranking.objects.count() == 1


class TestRevenue:
    def test_is_by_how_much_the_month_came_to_more(self):
        marks = [
            RevenueMark(day=date(2026, 10, 31), so_far={"EUR": {"1": "500"}}),
            RevenueMark(day=date(2026, 11, 1), so_far={"EUR": {"1": "10"}, "USD": {"1": "7"}}),
            RevenueMark(day=date(2026, 11, 2), so_far={"EUR": {"1": "12.5", "2": "1"}}),
            RevenueMark(day=date(2026, 11, 4), so_far={"EUR": {"1": "99"}}),
        ]
        days = Days(date(2026, 11, 1), date(2026, 11, 6))
        assert revenue.by_service(marks, days, "EUR") == {
            1: {date(2026, 11, 1): Decimal(10), date(2026, 11, 2): Decimal("2.5")},
            2: {date(2026, 11, 1): Decimal(0), date(2026, 11, 2): Decimal(1)},
        }

    def test_is_marked_for_days_that_are_over_and_again_for_one_that_was_not(self):
        revenue.mark(date(2026, 11, 22), {}, now=NOW - timedelta(days=1))
        revenue.fill(now=NOW, seconds=0)
        assert RevenueMark.objects.get().as_of == NOW
        revenue.fill(now=NOW, seconds=60)
        assert RevenueMark.objects.count() == revenue.LOOKED_BACK
