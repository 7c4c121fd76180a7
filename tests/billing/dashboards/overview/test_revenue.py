"""The overview's revenue."""

from datetime import date, timedelta

import pytest

from billing.metering.models import Service
from billing.pricing.models import PlanVersion
from billing.rankings.models import Ranking
from billing.revenue import keeping
from tests.billing.dashboards.conftest import NOW
from tests.billing.dashboards.overview.page import URL, figure, text
from tests.factories import (
    make_daily_usage,
    make_organisation,
    make_plan,
    make_subscription,
)

pytestmark = pytest.mark.django_db


class TestRevenue:
    @pytest.fixture(autouse=True)
    def _priced(self):
        prices = {Service.objects.get(slug="execution-time"): [(None, "2")]}
        prices[Service.objects.get(slug="storage")] = [(None, "0.01")]
        acme = make_organisation("Acme")
        make_subscription(organisation=acme, plan_version=make_plan(prices=prices))
        make_daily_usage(acme, date(2026, 10, 5), hours=10)
        make_daily_usage(acme, date(2026, 11, 2), date(2026, 11, 20), hours=15, stored_gb=1)
        keeping.keep(now=NOW, seconds=60)

    def test_is_compared_with_the_same_days_of_the_month_before(self, client):
        page = text(client.get(URL))
        assert "€66.00" in page  # 30 h, and 1 GB for 21.5 days and another for 3.5
        assert "+228.8 %</span> vs. 1–22 Oct" in page

    def test_is_stacked_by_service_and_has_movers_of_its_own(self, client):
        page = client.get(URL, {"metric": "cost"})
        traces = figure(page)["data"]
        assert [trace["name"] for trace in traces] == [
            "Execution time",
            "Storage",
            "Together",
            "the period before",
        ]
        assert traces[0]["y"][1] == 30.0
        assert traces[-1]["y"][4] == 20.0
        assert "+€45.76" in text(page)

    def test_is_stacked_by_organisation_where_that_is_asked_for(self, client):
        client.get(URL)  # which ranks it, and marks today
        page = client.get(URL, {"metric": "cost", "by": "organisation"})
        traces = figure(page)["data"]
        assert [trace["name"] for trace in traces] == ["Acme", "the period before"]
        assert sum(traces[0]["y"]) == pytest.approx(66, abs=0.01)
        assert traces[0]["y"][-1] == pytest.approx(0.24)  # 2 GB for the 12 hours of today
        assert 'id="by-organisation" href="?metric=cost&amp;by=organisation" aria-current' in text(
            page
        )

    def test_by_organisation_has_a_table_and_figures_to_take_away(self, client):
        asked = {"metric": "cost", "by": "organisation", "format": "csv"}
        globex = make_organisation("Globex")
        make_subscription(organisation=globex, plan_version=PlanVersion.objects.get())
        make_daily_usage(globex, date(2026, 11, 2), hours=1)
        keeping.renew(now=NOW + timedelta(minutes=10))
        lines = client.get(URL, asked).content.decode().splitlines()
        assert [line for line in lines if line.startswith("2026-11-02")] == [
            "2026-11-02,Revenue,Acme,30.24,EUR,",
            "2026-11-02,Revenue,Globex,2,EUR,",
            "2026-11-02,Revenue,,32.24,EUR,0",
        ]
        asked = {"HX-Request": "true", "HX-Target": "days-table"}
        rows = text(client.get(URL, {"metric": "cost", "by": "organisation"}, headers=asked))
        assert '<td class="n">€30.24</td><td class="n">€2.00</td><td class="n">€32.24</td>' in rows

    def test_says_from_which_day_on_it_is_known_while_it_is_being_worked_out(self, client):
        keeping.forget()
        assert "Revenue by day is being worked out" in text(client.get(URL))
        keeping.begin(now=NOW)
        keeping.fill(now=NOW, seconds=0)  # some of this month, and that they are all
        keeping.fill(now=NOW, seconds=0)
        assert "Revenue by day" not in text(client.get(URL))
        page = text(client.get(URL, {"range": "last-month"}))
        assert "Revenue by day: from 1 Nov 2026 on" in page

    def test_names_nobody_who_pays_in_another_currency(self, client):
        yen = make_plan(
            prices={Service.objects.get(slug="execution-time"): [(None, "9")]}, currency="JPY"
        )
        tokyo = make_organisation("Tokyo")
        make_subscription(organisation=tokyo, plan_version=yen)
        make_daily_usage(tokyo, date(2026, 11, 3), hours=5)
        Ranking.objects.all().delete()
        page = client.get(URL, {"metric": "cost", "by": "organisation"})
        assert [trace["name"] for trace in figure(page)["data"]] == ["Acme", "the period before"]
        assert "+€45.00" not in text(page)  # who moved it is asked in one currency, too
