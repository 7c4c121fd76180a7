"""The operators' overview."""

import json
import re
from datetime import date, timedelta
from html import escape, unescape

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection

from billing.dashboards.ranges import read_range
from billing.metering.models import Service
from billing.pricing.models import PlanVersion
from billing.rankings import asking, making, revenue, upkeep
from billing.rankings.models import Ranking, RevenueMark
from billing.rankings.spans import Span
from billing.rankings.tasks import rank, renew
from tests.billing.dashboards.conftest import FRAGMENT, NOW, RESTORE, TABLE
from tests.factories import (
    make_daily_usage,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_row,
)
from tests.statements import Asked, noted

pytestmark = pytest.mark.django_db

URL = "/overview/"


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


def figure(response):
    found = re.search(r'<script id="days-figure"[^>]*>(.*?)</script>', response.content.decode())
    assert found is not None
    return json.loads(found.group(1))


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

    def test_says_what_to_do_when_there_is_no_organisation(self, client):
        assert "There is no organisation yet." in text(client.get(URL))


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
        assert (
            'id="sort-gb-hours" href="?metric=execution&amp;compare=off&amp;sort=gb-hours"' in page
        )
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


class TestFragments:
    def test_a_swap_gets_the_content_alone(self, client):
        page = text(client.get(URL, headers=FRAGMENT))
        assert "<html" not in page
        assert "GB-hours per day" in page

    def test_a_swap_brings_the_table_of_days_where_it_is_open(self, client):
        asked = {"HX-Request": "true", "HX-Target": "content"}
        assert 'class="data" id="days-data" hx-get=' in text(client.get(URL, headers=asked))
        opened = text(client.get(URL, headers=asked | {"Open-Tables": "days-data"}))
        assert "GB-hours per day, 1–23 Nov 2026. Days are of UTC." in opened

    def test_the_table_of_days_comes_alone_as_it_is_opened(self, client):
        asked = {"HX-Request": "true", "HX-Target": "days-table"}
        page = text(client.get(URL, headers=asked))
        assert "GB-hours per day, 1–23 Nov 2026. Days are of UTC." in page
        assert page.count("<table>") == 1

    def test_a_swap_of_the_table_brings_the_controls_that_carry_its_state(self, client):
        page = text(client.get(URL, {"sort": "name"}, headers=TABLE))
        assert "GB-hours per day" not in page
        assert 'hx-swap-oob="innerHTML:#controls"' in page
        assert "sort=name&amp;metric=stored" in page

    def test_a_history_restore_gets_the_whole_page(self, client):
        assert "<html" in text(client.get(URL, headers=RESTORE))

    def test_an_unknown_target_gets_the_whole_page(self, client):
        headers = {"HX-Request": "true", "HX-Target": "controls"}
        assert "<html" in text(client.get(URL, headers=headers))

    def test_varies_on_what_chooses_the_fragment(self, client):
        assert "HX-Request, HX-Target" in client.get(URL).headers["Vary"]

    def test_an_open_page_hears_what_is_new_and_that_nothing_is(
        self, client, django_assert_max_num_queries
    ):
        acme = make_organisation("Acme")
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        [tag] = re.findall(r'data-live="([^"]+)"', text(client.get(URL)))
        again = {**FRAGMENT, "If-None-Match": unescape(tag)}
        with django_assert_max_num_queries(4):
            assert client.get(URL, headers=again).status_code == 304
        make_daily_usage(acme, date(2026, 11, 4), hours=2)
        assert client.get(URL, headers=again).status_code == 200

    def test_an_open_page_hears_when_organisations_are_added_up(self, client, monkeypatch):
        monkeypatch.setattr(asking, "AT_ONCE", 0)
        monkeypatch.setattr(rank, "apply_async", lambda **_: None)
        make_organisation("Acme")
        page = text(client.get(URL))
        assert "they come by themselves" in page
        assert 'hx-trigger="load' not in page  # which would ask where nobody sees it
        [tag] = re.findall(r'data-live="([^"]+)"', page)
        making.make(Span.of(read_range({}, today=NOW.date())), now=NOW)
        again = client.get(URL, headers={**FRAGMENT, "If-None-Match": unescape(tag)})
        assert "Acme" in text(again)

    def test_an_open_page_asks_again_soon_where_organisations_are_ranked_again(
        self, client, monkeypatch
    ):
        cache.clear()
        rung = []
        monkeypatch.setattr(renew, "apply_async", lambda kwargs, expires: rung.append(kwargs))
        monkeypatch.setattr(rank, "apply_async", lambda **_: None)
        acme, later = make_organisation("Acme"), NOW + timedelta(seconds=1)
        making.make(Span.of(read_range({}, today=NOW.date())), now=NOW - timedelta(seconds=1))
        [tag] = re.findall(r'data-live="([^"]+)"', text(client.get(URL)))
        again = {**FRAGMENT, "If-None-Match": unescape(tag)}
        cache.clear()  # as a worker does that was rung for
        make_daily_usage(acme, NOW.date(), hours=7)
        answer = client.get(URL, headers=again)
        assert int(answer.headers["Ask-Again-After"]) < 1000
        assert "7 h 00 m" not in text(answer).partition('id="organisations"')[2]
        with time_machine.travel(later, tick=False):
            renew(**rung[-1])
        [tag] = re.findall(r'data-live="([^"]+)"', text(answer))
        answer = client.get(URL, headers={**FRAGMENT, "If-None-Match": unescape(tag)})
        assert "7 h 00 m" in text(answer).partition('id="organisations"')[2]
        assert "Ask-Again-After" not in answer.headers

    def test_says_what_is_wrong_with_the_days(self, client):
        page = text(client.get(URL, {"from": "2026-11-31", "to": "x"}))
        assert "“2026-11-31” is not a date" in page


class TestRevenue:
    @pytest.fixture(autouse=True)
    def _priced(self, monkeypatch):
        monkeypatch.setattr(revenue, "LOOKED_BACK", 54)  # this month and the one before
        prices = {Service.objects.get(slug="execution-time"): [(None, "2")]}
        prices[Service.objects.get(slug="storage")] = [(None, "0.01")]
        acme = make_organisation("Acme")
        make_subscription(organisation=acme, plan_version=make_plan(prices=prices))
        make_daily_usage(acme, date(2026, 10, 5), hours=10)
        make_daily_usage(acme, date(2026, 11, 2), date(2026, 11, 20), hours=15, stored_gb=1)
        revenue.fill(now=NOW, seconds=60)

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
        RevenueMark.objects.all().delete()
        revenue.fill(now=NOW, seconds=60)
        lines = client.get(URL, asked).content.decode().splitlines()
        assert [line for line in lines if line.startswith("2026-11-02")] == [
            "2026-11-02,Revenue,Acme,30.24,EUR,",
            "2026-11-02,Revenue,Globex,2,EUR,",
            "2026-11-02,Revenue,,32.24,EUR,0",
        ]
        asked = {"HX-Request": "true", "HX-Target": "days-table"}
        rows = text(client.get(URL, {"metric": "cost", "by": "organisation"}, headers=asked))
        assert '<td class="n">€30.24</td><td class="n">€2.00</td><td class="n">€32.24</td>' in rows

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


MANY = 2500
RANKED = """
INSERT INTO billing_rankedorganisation (ranking_id, organisation_id, name, plan, currency, opening,
    gb_hours, gb_hours_compared, gb_hours_before, stored, stored_compared, stored_before,
    execution, execution_compared, execution_before, cost, cost_compared, cost_before)
SELECT %s, id, name, '', 'EUR', n, n, n, n * 7 %% 1000, n, n, n, n, n, n, n, n, n
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM accounts_organisation) AS organisation
"""
NAMED = """
INSERT INTO accounts_organisation (id, slug, name, created_at, time_zone)
SELECT gen_random_uuid(), 'org-' || n, 'org ' || n, now(), 'UTC' FROM generate_series(1, %s) AS n
"""
USED = """
INSERT INTO billing_dailyusage (organisation_id, service_id, day, quantity, area, event_count)
SELECT id, %s, day::date, 1000000000, 0, 1
FROM accounts_organisation, generate_series(%s::date, %s::date, interval '1 day') AS day
"""


class TestWhatItReads:
    @pytest.fixture(autouse=True)
    def _ranked(self):
        """More organisations than a page may read rows, each with some days of usage."""
        span = Span.of(read_range({}, today=NOW.date()))
        upkeep.keep(span, now=NOW)
        ranking = Ranking.objects.get()
        storage = Service.objects.get(slug="storage")
        with connection.cursor() as cursor:
            cursor.execute(NAMED, [MANY])
            cursor.execute(RANKED, [ranking.pk])
            cursor.execute(USED, [storage.pk, NOW.date() - timedelta(days=2), NOW.date()])
            cursor.execute("ANALYZE")
        costs = [{"currency": "EUR", "cost": "9", "compared": "9", "before": "9"}]
        Ranking.objects.update(organisations=MANY, costs=costs)

    @pytest.mark.parametrize(
        "asked", [{}, {"metric": "cost", "by": "organisation"}, {"sort": "change", "page": "2"}]
    )
    def test_is_bounded_in_queries_and_in_rows(self, client, asked):
        client.get(URL)  # so that what is remembered is
        with noted() as statements:
            assert client.get(URL, asked).status_code == 200
        assert len(statements) <= 12
        read = {one.sql: rows_read(one) for one in statements if one.is_query}
        # A page, the leaders and the movers; this month and the one before.
        shown_times_days = (25 + 6 + 6) * 54
        assert shown_times_days < MANY  # so that whoever reads all of them is found
        assert sum(read.values()) <= shown_times_days, read


def rows_read(statement: Asked) -> float:
    """Return how many rows of tables a statement reads, what it throws away included."""
    nodes, rows = [statement.plan()], 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:
            thrown = node.get("Rows Removed by Filter", 0)
            rows += (node["Actual Rows"] + thrown) * node["Actual Loops"]
    return rows
