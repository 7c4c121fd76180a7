"""Days of an organisation's usage, on the page and to take away."""

import csv
from datetime import UTC, date, datetime

import pytest

from tests.billing.dashboards.usage.page import URL, make_priced, measure, text
from tests.factories import (
    make_daily_usage,
)

pytestmark = pytest.mark.django_db


class TestDays:
    def test_several_months_cost_what_each_is_billed_at(self, acme, client):
        make_priced(acme)
        for month in (9, 10):  # 100 hours at 0.50 and 20 at 0.40, twice
            make_daily_usage(acme, date(2026, month, 5), hours=120)
        page = client.get(f"{URL}?from=2026-09-01&to=2026-10-31").content.decode()
        assert "€116.00" in page
        assert "€106.00" not in page  # as one period: 100 at 0.50 and 140 at 0.40

    def test_cost_their_share_of_their_own_months_bills(self, acme, client):
        make_priced(acme)
        for day in (date(2026, 10, 5), date(2026, 10, 28), date(2026, 11, 3)):
            make_daily_usage(acme, day, hours=100)  # of October's, 100 at 0.50 and 100 at 0.40
        page = text(client.get(f"{URL}?from=2026-10-20&to=2026-11-10&metric=execution"))
        assert '<td class="n">100 h 00 m</td><td class="n">€45.00</td>' in page
        assert '<td class="n">100 h 00 m</td><td class="n">€50.00</td>' in page
        assert "€95.00" in page

    def test_cost_stands_beside_the_quantity_and_adds_up(self, acme, client):
        make_priced(acme)
        make_daily_usage(acme, date(2026, 11, 2), date(2026, 11, 3), hours=3)
        page = text(client.get(URL, {"metric": "execution"}))
        assert '<td class="n">3 h 00 m</td><td class="n">€1.50</td>' in page
        assert "€3.00" in page
        assert " · €%{customdata:,.2f}" in page  # on the chart, too
        assert '"customdata":[0.0,1.5,1.5,0.0,' in page

    def test_lead_to_their_hours_in_the_same_state(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        page = text(client.get(URL, {"range": "last-month", "metric": "execution"}))
        assert 'href="/organisations/acme/usage/days/2026-10-05/?range=last-month' not in page
        page = text(client.get(URL, {"range": "30d", "metric": "execution"}))
        there = "/organisations/acme/usage/days/2026-11-03/?range=30d&amp;metric=execution"
        assert f'<a href="{there}">Tue 3 Nov 2026</a>' in page

    def test_say_what_happened(self, acme, client):
        make_priced(acme)
        make_priced(acme, on=date(2026, 11, 5))
        measure(acme, ("eu", 12, 7200))
        page = text(client.get(URL))
        assert "<li>5 Nov: Plan changes to " in page
        assert "<li>12 Nov: 1 event came over two days late</li>" in page

    def test_do_not_say_of_the_history_that_an_organisation_brought_that_it_is_late(
        self, acme, client
    ):
        acme.created_at = datetime(2026, 11, 12, 12, tzinfo=UTC)
        acme.save()
        measure(acme, ("eu", 11, 3600), ("eu", 12, 7200), ("eu", 13, 3600))
        page = text(client.get(URL))
        assert "<li>13 Nov: 1 event came over two days late</li>" in page
        assert page.count("two days late</li>") == 1

    def test_say_what_is_to_come(self, acme, client):
        for day in range(1, 23):
            make_daily_usage(acme, date(2026, 11, day), hours=2)
        page = text(client.get(URL, {"metric": "execution"}))
        assert "Forecast to 30 Nov: 60 h 00 m ± 0 h." in page
        assert (
            '<th scope="row">Mon 30 Nov 2026, forecast</th> <td class="n">2 h 00 m ± 0 h</td>'
            in page
        )


class TestCsv:
    def test_has_the_figures_of_the_charts_and_no_formulas(self, acme, client):
        make_priced(acme)
        measure(acme, ("=cmd", 12, 7200), ("us", 12, 3600))
        answer = client.get(URL, {"by": "region", "metric": "execution", "format": "csv"})
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(answer.content.decode().splitlines()))
        of_day = [row for row in rows if row["day"] == "2026-11-12"]
        assert [(row["group"], row["quantity"], row["cost"]) for row in of_day] == [
            ("'=cmd", "2", ""),
            ("us", "1", ""),
            ("", "3", "1.5"),
        ]
        assert {row["unit"] for row in rows} == {"h"}
