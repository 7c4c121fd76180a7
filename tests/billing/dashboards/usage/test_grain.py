"""An organisation's usage by week and month."""

import csv
import json
import re
from datetime import date

import pytest

from tests.billing.dashboards.usage.page import URL, make_priced, text
from tests.factories import make_daily_usage

pytestmark = pytest.mark.django_db


class TestGrain:
    @pytest.fixture(autouse=True)
    def _used(self, acme):
        make_daily_usage(acme, date(2026, 11, 3), stored_gb=70, hours=3)
        make_daily_usage(acme, date(2026, 11, 5), hours=4)
        make_priced(acme)

    def drawn(self, client, metric, **asked):
        page = client.get(URL, {"metric": metric, **asked}).content.decode()
        found = re.search(rf'id="{metric}-figure"[^>]*>(.*?)</script>', page)
        assert found
        return json.loads(found[1])

    def test_puts_sums_together_and_averages_levels(self, client):
        hours, before, *_ = self.drawn(client, "execution", grain="week")["data"]
        assert (hours["x"][1], hours["y"][1]) == ("2–8 Nov", 7.0)
        assert before["name"] == "the period before"
        [level, *_] = self.drawn(client, "stored", grain="week")["data"]
        assert level["y"][:3] == [0, 60, 70]  # of the week's seven days six at 70 GB

    def test_leads_from_a_month_to_its_days(self, client, acme):
        make_daily_usage(acme, date(2026, 10, 5), hours=1)
        links = self.drawn(client, "execution", range="12m", sort="-used")
        links = links["layout"]["meta"]["links"]
        assert len(links) == 12
        assert (
            links["Oct 2026"] == f"{URL}?metric=execution&sort=-used&from=2026-10-01&to=2026-10-31"
        )
        page = text(client.get(URL, {"from": "2026-11-01", "to": "2026-11-23", "grain": "week"}))
        assert f'<a href="{URL}?from=2026-11-02&amp;to=2026-11-08">2–8 Nov</a>' in page

    def test_is_in_the_address_where_it_is_not_what_fits(self, client):
        page = text(client.get(URL, {"range": "12m", "grain": "week"}))
        assert f'href="{URL}?range=12m"' in page  # back to months
        assert f'href="{URL}?range=12m&amp;grain=day"' in page
        assert f'href="{URL}?range=7d"' in page  # another range has its own
        assert "none of a “year”" in text(client.get(URL, {"grain": "year"}))

    def test_has_a_table_of_the_same_places(self, client):
        page = text(client.get(URL, {"metric": "execution", "grain": "week"}))
        assert "Execution time per week" in page
        assert "week by week" in page
        assert "1 Nov (part of a week)</a>" in page
        row = page.split("2–8 Nov</a></th>")[1].split("</tr>")[0]
        assert re.findall(r"<td[^>]*>([^<]*)", row)[:2] == ["7 h 00 m", "€3.50"]

    def test_is_what_is_taken_away(self, client):
        asked = {"metric": "execution", "grain": "week", "format": "csv"}
        rows = list(csv.reader(client.get(URL, asked).content.decode().splitlines()))
        assert rows[0][0] == "week"
        assert rows[2][:6] == ["2026-11-02/2026-11-08", "Execution time", "", "7", "h", "3.5"]

    def test_forecasts_the_week_that_goes_on_and_those_to_come(self, client, acme):
        for day in range(9, 23):
            make_daily_usage(acme, date(2026, 11, day), hours=2)
        figure = self.drawn(client, "execution", grain="week")
        [expected] = [one for one in figure["data"] if one["name"] == "expected"]
        assert expected["x"] == ["23–29 Nov (so far)", "30 Nov (part of a week)"]
        assert len(expected["y"]) == 2
        page = text(client.get(URL, {"metric": "execution", "grain": "week"}))
        assert "23–29 Nov, forecast" in page
