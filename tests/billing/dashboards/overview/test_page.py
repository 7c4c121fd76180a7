"""The operators' overview: who may see it, its figures, where it leads."""

import re
from datetime import date, timedelta

import pytest

from billing.budgets.models import BudgetAlert
from billing.rankings.models import Ranking
from tests.billing.dashboards.conftest import NOW
from tests.billing.dashboards.overview.page import URL, figure, text
from tests.factories import (
    make_daily_usage,
    make_organisation,
)

pytestmark = pytest.mark.django_db


def warn(organisation, *thresholds, until=NOW + timedelta(days=7)):
    asked = {"starts_on": date(2026, 11, 1), "amount": 100, "currency": "EUR", "total": 80}
    for one in thresholds:
        BudgetAlert.objects.create(
            organisation=organisation, threshold=one, reached_at=NOW, **asked
        )
    organisation.warned_until = until
    organisation.save()


class TestWhoMaySeeIt:
    def test_sends_a_visitor_to_the_sign_in(self, client):
        client.logout()
        assert client.get(URL).headers["Location"] == "/login/?next=/overview/"

    @pytest.mark.parametrize("persona", ["owner", "member", "stranger"])
    def test_does_not_exist_for_a_customer(self, as_user, persona, request):
        customer = as_user(request.getfixturevalue(persona))
        assert customer.get(URL).status_code == 404


class TestFigures:
    def test_adds_up_all_organisations(self, client):
        for name in ("Acme", "Globex"):
            make_daily_usage(make_organisation(name), date(2026, 11, 1), stored_gb=1000, hours=2)
        page = text(client.get(URL))
        assert "2 <small>TB</small>" in page
        assert "1.08 <small>M GB·h</small>" in page  # 2,000 GB for 22.5 days
        assert "4 <small>h</small>" in page

    def test_compares_with_the_same_days_of_the_month_before(self, client):
        acme = make_organisation("Acme")
        make_daily_usage(acme, date(2026, 10, 22), hours=100)
        make_daily_usage(acme, date(2026, 10, 23), hours=9000)  # not over yet on its 23 November
        make_daily_usage(acme, date(2026, 11, 1), hours=90)
        assert "−10.0 %</span> vs. 1–22 Oct" in text(client.get(URL))

    def test_has_no_price_without_a_plan(self, client):
        make_organisation("Acme")
        assert "no organisation has a price plan" in text(client.get(URL))

    def test_says_who_is_warned_of_a_budget(self, client):
        acme, globex = make_organisation("Acme"), make_organisation("Globex")
        warn(acme, "50", "forecast", "80")
        warn(globex, "forecast")
        page = text(client.get(URL))
        assert re.findall(r'<span class="tag warned">(.*?)</span>', page) == [
            "budget 80 %",
            "forecast above budget",
        ]

    def test_warns_no_more_once_the_period_is_over(self, client):
        acme = make_organisation("Acme")
        warn(acme, "100", until=NOW)
        assert "warned" not in text(client.get(URL))

    def test_says_what_to_do_when_there_is_no_organisation(self, client):
        assert "There is no organisation yet." in text(client.get(URL))


class TestWhereItLeads:
    @pytest.fixture(autouse=True)
    def _used(self):
        make_daily_usage(make_organisation("Acme"), date(2026, 11, 20), hours=90)

    def test_a_day_leads_to_what_was_used_on_it_alone(self, client):
        page = client.get(URL, {"range": "7d", "metric": "execution", "page": "1"})
        lead = {"to": f"{URL}?metric=execution&from={{day}}&to={{day}}", "last": "2026-11-23"}
        assert figure(page)["layout"]["meta"]["lead"] == lead
        day = f'<a href="{URL}?metric=execution&amp;from=2026-11-20&amp;to=2026-11-20">'
        assert f"{day}Fri 20 Nov 2026</a>" in text(page)

    @pytest.mark.parametrize(
        ("asked", "query"),
        [
            ({}, ""),
            ({"range": "7d", "sort": "name", "q": "a"}, "?range=7d"),
            ({"metric": "execution", "shape": "lines"}, "?metric=execution"),
            ({"metric": "cost", "by": "organisation", "compare": "off"}, "?compare=off"),
            ({"metric": "nonsense"}, ""),
        ],
    )
    def test_an_organisation_leads_to_its_usage_of_the_same_days_and_metric(
        self, client, asked, query
    ):
        assert f'href="/organisations/acme/usage/{query}"' in text(client.get(URL, asked))

    def test_from_one_day_an_organisation_leads_to_its_hours(self, client):
        day = {"from": "2026-11-20", "to": "2026-11-20", "metric": "execution"}
        page = client.get(URL, day)
        hours = 'href="/organisations/acme/usage/days/2026-11-20/?metric=execution"'
        assert text(page).count(hours) == 2  # it moved, too
        assert "lead" not in figure(page)["layout"]["meta"]
        assert "90 h 00 m on 20 Nov." in text(page)
        assert "on average" not in text(page)
        assert 'class="spark' not in text(page)


class TestComparedWithNothing:
    @pytest.fixture(autouse=True)
    def _used(self):
        acme = make_organisation("Acme")
        make_daily_usage(acme, date(2026, 10, 20), hours=900)
        make_daily_usage(acme, date(2026, 11, 2), hours=90)

    def test_is_turned_off_by_the_address_and_on_again(self, client):
        page = text(client.get(URL, {"range": "7d"}))
        assert 'id="compare" class="control toggle" href="?range=7d&amp;compare=off"' in page
        page = text(client.get(URL, {"compare": "off", "range": "7d"}))
        assert 'id="compare" class="control toggle" href="?range=7d"' in page

    def test_says_no_change_anywhere(self, client):
        asked = {"metric": "execution", "compare": "off", "sort": "change"}
        page = text(client.get(URL, asked))
        for said in (
            "vs.",
            "compare whole days",
            "What changed",
            "The period before",
            "day by day",
        ):
            assert said not in page
        assert 'id="sort-change"' not in page
        carried = "metric=execution&amp;compare=off"
        assert f'id="sort-execution" href="?{carried}&amp;sort=execution"' in page
        assert "/organisations/acme/usage/?metric=execution&amp;compare=off" in page

    def test_draws_the_days_alone_and_as_high_as_they_are(self, client):
        drawn = figure(client.get(URL, {"metric": "execution", "compare": "off"}))
        assert [trace["name"] for trace in drawn["data"]] == ["Acme"]
        assert drawn["layout"]["yaxis"]["range"][1] < 110

    def test_takes_away_the_days_alone(self, client):
        asked = {"metric": "execution", "compare": "off", "format": "csv"}
        lines = client.get(URL, asked).content.decode().splitlines()
        assert "2026-11-02,Execution time,,90,h," in lines

    def test_needs_no_ranking_of_its_own(self, client):
        client.get(URL)
        client.get(URL, {"compare": "off"})
        assert Ranking.objects.count() == 1


class TestWhatIsNotThere:
    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"metric": "x"}, "There is no metric called “x”."),
            ({"by": "x"}, "There is no grouping called “x”."),
            ({"grain": "x"}, "There are bars of days, weeks and months, and none of a “x”."),
            ({"shape": "x"}, "There are bars and lines, and nothing called “x”."),
            ({"sort": "-x"}, "There is no order called “-x”."),
            ({"range": "x"}, "There is no range called “x”. This month is shown instead."),
        ],
    )
    def test_is_said(self, client, query, said):
        page = text(client.get(URL, query))
        assert f'<p class="notice" role="alert">{said}</p>' in page
        assert page.count(said) == 1

    @pytest.mark.parametrize(
        "query", [{"sort": "-change", "compare": "off"}, {"metric": "cost", "by": "service"}, {}]
    )
    def test_says_nothing_of_what_is_there(self, client, query):
        assert 'class="notice"' not in text(client.get(URL, query))
