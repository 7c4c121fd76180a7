"""The overview's table of organisations."""

import re
from datetime import date

import pytest

from tests.billing.dashboards.overview.page import URL, figure, text
from tests.factories import (
    make_daily_usage,
    make_organisation,
)

pytestmark = pytest.mark.django_db


class TestTable:
    @pytest.fixture(autouse=True)
    def _organisations(self):
        for n, name in enumerate(["Alpha", "Beta", "Gamma"], 1):
            make_daily_usage(make_organisation(name), date(2026, 11, 2), stored_gb=n, hours=10 - n)

    def rows(self, response) -> list[str]:
        return re.findall(r'class="row-link"[^>]*>([^<]*)<', response.content.decode())

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("-gb-hours", ["Gamma", "Beta", "Alpha"]),
            ("name", ["Alpha", "Beta", "Gamma"]),
            ("-execution", ["Alpha", "Beta", "Gamma"]),
            ("stored", ["Alpha", "Beta", "Gamma"]),
            ("no-column", ["Gamma", "Beta", "Alpha"]),
        ],
    )
    def test_is_sorted_as_asked(self, client, sort, expected):
        assert self.rows(client.get(URL, {"sort": sort})) == expected

    def test_begins_with_the_most_of_the_metric_as_the_chart_does(self, client):
        page = client.get(URL, {"metric": "execution"})
        assert self.rows(page) == ["Alpha", "Beta", "Gamma"]
        assert [one["name"] for one in figure(page)["data"]][:3] == ["Alpha", "Beta", "Gamma"]

    @pytest.mark.parametrize("sort", ["cost", "-cost", "change", "-change"])
    def test_sorts_by_what_may_be_missing(self, client, sort):
        assert len(self.rows(client.get(URL, {"sort": sort}))) == 3

    def test_says_how_it_is_sorted(self, client):
        assert 'aria-sort="ascending"' in text(client.get(URL, {"sort": "name"}))

    def test_finds_by_name(self, client):
        assert self.rows(client.get(URL, {"q": "GAM"})) == ["Gamma"]
        assert "No organisation is called “zz”." in text(client.get(URL, {"q": "zz"}))

    def test_comes_in_pages(self, client):
        for n in range(60):
            make_organisation(f"Organisation {n:02}")
        page = client.get(URL, {"page": 3, "sort": "name"})
        assert len(self.rows(page)) == 13
        assert "51–63 of 63" in text(page)
