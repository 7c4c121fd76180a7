"""Organisations, ranked beforehand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.accounts import commands
from billing.dashboards.ranges import read_range
from billing.exact import in_units
from billing.metering.folding import saga
from billing.metering.models import Service
from billing.metering.querying.usage import period_figures
from billing.metering.usage_months import UsageMonth
from billing.rankings import making, reading, upkeep
from billing.rankings.models import FIGURES, RankedOrganisation, Ranking
from billing.rankings.rows import rows_of
from billing.rankings.spans import Span
from eventstore import feed
from tests.billing.accounts.agreeing import agreed
from tests.billing.metering.sending import send
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

    def test_adds_up_months_to_what_their_days_come_to_together(self):
        """A level goes on from month to month, and clocks change in between."""
        acme = make_organisation("Acme", time_zone="Europe/Berlin")
        make_daily_usage(acme, date(2026, 8, 20), date(2026, 10, 25), stored_gb=3, hours=2)
        make_daily_usage(acme, date(2026, 9, 9), date(2026, 11, 2), stored_gb=5, hours=1)
        asked = read_range({"from": "2026-09-05", "to": "2026-11-23"}, today=NOW.date())
        making.make(Span.of(asked), now=NOW)
        row = RankedOrganisation.objects.get()
        rows = period_figures(days=asked.days, now=NOW, organisations=[acme.pk])
        figures = {one.service_id: one for one in rows}
        storage = Service.objects.get(slug="storage")
        execution = Service.objects.get(slug="execution-time")
        level = figures[storage.pk]
        assert row.gb_hours == in_units(level.figure, unit_size=storage.unit_size)
        assert row.stored == in_units(level.level, unit_size=Decimal(10**9)) == 16
        assert row.execution == in_units(
            figures[execution.pk].figure, unit_size=execution.unit_size
        )

    @pytest.mark.parametrize("asked", [{}, {"from": "2026-09-05", "to": "2026-11-10"}])
    def test_comes_to_the_same_of_many_organisations_whose_days_are_read_together(
        self, monkeypatch, asked
    ):
        prices = {one: [("1", "0"), (None, "2")] for one in Service.objects.all()}
        plan = make_plan(prices=prices)
        for zone in ("UTC", "Europe/Berlin", "America/Havana"):
            one = make_organisation(time_zone=zone)
            make_subscription(organisation=one, plan_version=plan)
            days = [date(2026, month, day) for month in (8, 9, 10, 11) for day in (3, 22)]
            make_daily_usage(one, *days, stored_gb=3, hours=2)
        span = Span.of(read_range(asked, today=NOW.date()))
        figures = [f"{one}{of}" for one in FIGURES for of in ("", "_compared", "_before")]

        def rows(ranking):
            found = RankedOrganisation.objects.filter(ranking=ranking).order_by("name")
            return list(found.values_list("name", "opening", *figures))

        of_few = rows(making.make(span, now=NOW))
        UsageMonth.objects.all().delete()
        for module in ("billing.metering.querying.months", "billing.rankings.used"):
            monkeypatch.setattr(f"{module}.FEW", 0)
        assert rows(making.make(span, now=NOW)) == of_few
        assert all(row[2] and row[-1] for row in of_few)

    def test_takes_the_place_of_the_one_before_and_leaves_it_to_who_reads_it(self):
        made = [making.make(SPAN, now=NOW + timedelta(hours=n)).pk for n in range(3)]
        assert set(Ranking.objects.values_list("pk", flat=True)) == set(made[1:])
        assert upkeep.newest(SPAN) == Ranking.objects.get(pk=made[2])

    def test_forgets_days_that_nobody_asks_for(self):
        making.make(SPAN, now=NOW - timedelta(days=3))
        other = Span(date(2026, 1, 1), date(2026, 2, 1), date(2025, 12, 1), 0)
        making.make(other, now=NOW)
        assert upkeep.newest(SPAN) is None


class TestRenewing:
    """Usage is folded as the saga does it, for its checkpoints say what a ranking has seen."""

    @pytest.fixture(autouse=True)
    def _priced(self):
        prices = {Service.objects.get(slug="execution-time"): [("1", "0"), (None, "2")]}
        self.plan = make_plan(prices=prices)

    def customer(self, name: str, *, hours: int):
        organisation = make_organisation(name)
        make_subscription(organisation=organisation, plan_version=self.plan)
        self.use(organisation, "first", hours=hours)
        return organisation

    def use(self, organisation, id: str, *, hours: int, day: str = "2026-11-05"):
        event = (id, f"{day}T10:00:00Z", {"seconds": hours * 3600})
        send(organisation, event, kind="catacloud.execution.finished")
        for partition in feed.partitions():
            while saga.advance(partition=partition):
                pass

    def table(self, ranking) -> dict[str, tuple[int, int]]:
        _, rows = reading.read_page(ranking, "cost", sort="-execution", search="", number=None)
        return {row.name: (int(row.execution), int(row.cost)) for row in rows}

    def test_is_of_those_whose_usage_changed_alone(self, monkeypatch):
        acme = self.customer("Acme", hours=2)
        self.customer("Globex", hours=3)
        ranking = making.make(SPAN, now=NOW)
        self.use(acme, "second", hours=4)
        asked = []

        def noted(some, **more):
            asked.append(some)
            return rows_of(some, **more)

        monkeypatch.setattr("billing.rankings.making.rows_of", noted)

        making.renew(ranking, SPAN, now=NOW + timedelta(seconds=1))

        assert asked == [[acme]]
        assert self.table(ranking) == {"Acme": (6, 10), "Globex": (3, 4)}
        assert list(self.table(ranking)) == ["Acme", "Globex"]
        renewed = Ranking.objects.get()
        assert renewed.costs == [{"currency": "EUR", "cost": "14", "compared": "14", "before": "0"}]
        assert renewed.as_of == NOW + timedelta(seconds=1)

    def test_comes_to_what_is_made_anew(self):
        acme, globex = self.customer("Acme", hours=2), self.customer("Globex", hours=3)
        ranking = making.make(SPAN, now=NOW)
        for number, (one, day) in enumerate(
            [(acme, "2026-11-06"), (globex, "2026-10-07"), (acme, "2026-10-07")]
        ):
            self.use(one, f"late-{number}", hours=number + 1, day=day)
            making.renew(ranking, SPAN, now=NOW)
        self.use(self.customer("Initech", hours=1), "again", hours=7)
        making.renew(ranking, SPAN, now=NOW)
        UsageMonth.objects.all().delete()  # so that it is of days
        anew = making.make(SPAN, now=NOW)
        assert self.table(ranking) == self.table(anew)
        assert len(self.table(anew)) == 3
        for name in ("costs", "organisations", "unpriced"):
            assert getattr(ranking, name) == getattr(anew, name)

    def test_leaves_it_as_it_is_where_nothing_is_new(self):
        self.customer("Acme", hours=2)
        ranking = making.make(SPAN, now=NOW)
        as_of = Ranking.objects.get().as_of
        making.renew(ranking, SPAN, now=NOW + timedelta(minutes=1))
        assert Ranking.objects.get().as_of == as_of

    def test_is_of_those_who_share_prices_as_well(self):
        acme, globex = self.customer("Acme", hours=2), self.customer("Globex", hours=3)
        commands.join_pool(agreed(acme), parent=globex, starts_on=date(2026, 11, 1))
        ranking = making.make(SPAN, now=NOW)
        assert self.table(ranking) == {"Globex": (3, 4), "Acme": (2, 3)}  # 8 are shared
        self.use(acme, "second", hours=10)
        making.renew(ranking, SPAN, now=NOW)
        assert self.table(ranking) == self.table(making.make(SPAN, now=NOW))

    def test_what_came_while_it_was_made_is_in_it(self, monkeypatch):
        acme = self.customer("Acme", hours=2)

        def slowly(some, **more):
            rows = rows_of(some, **more)
            monkeypatch.setattr("billing.rankings.making.rows_of", rows_of)
            self.use(acme, "second", hours=4)
            return rows

        monkeypatch.setattr("billing.rankings.making.rows_of", slowly)
        assert self.table(making.make(SPAN, now=NOW)) == {"Acme": (6, 10)}


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

    @pytest.mark.parametrize("few", [0, 2, 500])
    def test_pages_what_is_found_in_order_whether_few_or_many(self, ranking, monkeypatch, few):
        monkeypatch.setattr(reading, "FEW", few)
        monkeypatch.setattr(reading, "PER_PAGE", 2)
        asked = {"sort": "-execution", "search": "t"}
        page, rows = reading.read_page(ranking, "stored", **asked, number="1")
        assert (page.paginator.count, names(rows)) == (2, ["Delta", "beta"])
        page, rows = reading.read_page(ranking, "stored", **asked | {"search": "a"}, number="2")
        assert (page.paginator.count, names(rows)) == (4, ["beta", "Alpha"])
        page, rows = reading.read_page(ranking, "stored", **asked | {"search": "none"}, number="1")
        assert (page.paginator.count, rows) == (0, [])

    def test_names_those_that_rose_and_fell_the_most(self, ranking):
        leaders = reading.read_leaders(ranking, "execution")
        assert names(leaders.largest) == ["Delta", "Gamma", "beta"]
        assert names(leaders.moved) == ["Delta", "Gamma", "Alpha"]
