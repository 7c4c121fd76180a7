"""The overview's charts."""

import re
from datetime import date
from html import escape

import pytest

from tests.billing.dashboards.overview.page import URL, figure, text
from tests.factories import (
    make_daily_usage,
    make_organisation,
    make_service,
    make_usage_row,
)

pytestmark = pytest.mark.django_db


class TestChart:
    def test_shows_the_six_largest_and_all_others(self, client):
        for n in range(8):
            make_daily_usage(make_organisation(f"Org {n}"), date(2026, 11, 2), stored_gb=8 - n)
        names = [trace["name"] for trace in figure(client.get(URL))["data"]]
        told = ["Together", "the period before"]
        assert names == [*(f"Org {n}" for n in range(6)), "All others", *told]

    @pytest.mark.parametrize("metric", ["gb-hours", "stored", "execution", "nonsense"])
    def test_shows_the_metric_that_is_asked_for(self, client, metric):
        make_daily_usage(make_organisation("Acme"), date(2026, 11, 2), stored_gb=5, hours=5)
        assert figure(client.get(URL, {"metric": metric}))["data"][0]["name"] == "Acme"

    def test_draws_lines_where_they_are_asked_for(self, client):
        make_daily_usage(make_organisation("Acme"), date(2026, 11, 2), stored_gb=5)
        trace, *_ = figure(client.get(URL, {"shape": "lines"}))["data"]
        assert (trace["name"], trace["type"], trace["stackgroup"]) == ("Acme", "scatter", "days")

    def test_by_service_is_a_chart_for_each_unit(self, client):
        acme = make_organisation("Acme")
        make_daily_usage(acme, date(2026, 11, 2), hours=5, stored_gb=1)
        compute = {
            slug: make_service(slug=slug, unit=unit, unit_size=1)
            for slug, unit in (("gpu", "h"), ("calls", "calls"), ("unused", "calls"))
        }
        for slug in ("gpu", "calls"):
            make_usage_row(
                organisation=acme, service=compute[slug], day=date(2026, 11, 2), quantity=3
            )
        asked = {"metric": "execution", "by": "service"}
        page = client.get(URL, asked)
        assert re.findall(r'<h2 id="[\w-]+-title">([^<]*)<', page.content.decode())[:3] == [
            "Usage in h per day",
            "GB-hours per day",
            "calls per day",
        ]
        names = [trace["name"] for trace in figure(page)["data"]]
        assert names == ["Execution time", "gpu", "Together", "the period before"]
        opened = {"HX-Request": "true", "HX-Target": "of-calls-table"}
        assert "calls per day, 1–23 Nov 2026" in text(client.get(URL, asked, headers=opened))
        opened["HX-Target"] = "of-nothing-table"
        assert client.get(URL, asked, headers=opened).status_code == 404
        lines = client.get(URL, {**asked, "format": "csv"}).content.decode().splitlines()
        assert [line for line in lines if line.startswith("2026-11-02")] == [
            "2026-11-02,Usage in h,Execution time,5,h,",
            "2026-11-02,Usage in h,gpu,3,h,",
            "2026-11-02,Usage in h,,8,h,0",
            "2026-11-02,GB-hours,,24,GB·h,0",
            "2026-11-02,calls,,3,calls,0",
        ]

    def test_is_there_to_take_away(self, client):
        make_daily_usage(make_organisation("=Acme"), date(2026, 11, 2), hours=5)
        make_daily_usage(make_organisation("Globex"), date(2026, 11, 2), hours=3)
        answer = client.get(URL, {"metric": "execution", "format": "csv"})
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="overview-execution-2026-11-01-to-2026-11-23.csv"'
        )
        assert answer.content.decode().splitlines()[4:7] == [
            "2026-11-02,Execution time,'=Acme,5,h,",
            "2026-11-02,Execution time,Globex,3,h,",
            "2026-11-02,Execution time,,8,h,0",
        ]

    def test_escapes_what_a_name_says(self, client):
        make_daily_usage(make_organisation("</script><b>&"), date(2026, 11, 2), stored_gb=5)
        page = client.get(URL)
        assert figure(page)["data"][0]["name"] == "</script><b>&"
        assert b"<b>&" not in page.content


class TestGrain:
    @pytest.fixture(autouse=True)
    def _used(self):
        acme = make_organisation("Acme")
        make_daily_usage(acme, date(2026, 11, 3), stored_gb=70)
        make_daily_usage(acme, date(2026, 11, 3), date(2026, 11, 5), hours=3)

    def test_puts_sums_together_and_averages_levels(self, client):
        asked = {"metric": "execution", "grain": "week"}
        page = client.get(URL, asked)
        assert "Execution time per week" in text(page)
        assert figure(page)["data"][0]["y"][:3] == [0, 6, 0]
        level = figure(client.get(URL, {"metric": "stored", "grain": "week"}))["data"][0]
        assert level["y"][:3] == [0, 60, 70]
        lines = client.get(URL, {**asked, "format": "csv"}).content.decode().splitlines()
        assert lines[0].startswith("week,")
        assert "2026-11-02/2026-11-08,Execution time,,6,h,0" in lines

    def test_leads_from_a_month_to_its_days(self, client):
        page = client.get(URL, {"range": "12m", "metric": "execution"})
        links = figure(page)["layout"]["meta"]["links"]
        october = f"{URL}?metric=execution&from=2026-10-01&to=2026-10-31"
        assert links["Oct 2026"] == october
        assert f'href="{escape(october)}">Oct 2026</a>' in text(page)
