"""The operators' overview."""

import json
import re
from datetime import date

import pytest

from billing.metering.models import Service
from tests.billing.dashboards.conftest import FRAGMENT, RESTORE, TABLE
from tests.factories import make_daily_usage, make_organisation, make_plan, make_subscription

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
        assert names == [*(f"Org {n}" for n in range(6)), "All others", "the period before"]

    @pytest.mark.parametrize("metric", ["gb-hours", "stored", "execution", "nonsense"])
    def test_shows_the_metric_that_is_asked_for(self, client, metric):
        make_daily_usage(make_organisation("Acme"), date(2026, 11, 2), stored_gb=5, hours=5)
        assert figure(client.get(URL, {"metric": metric}))["data"][0]["name"] == "Acme"

    def test_escapes_what_a_name_says(self, client):
        make_daily_usage(make_organisation("</script><b>&"), date(2026, 11, 2), stored_gb=5)
        page = client.get(URL)
        assert figure(page)["data"][0]["name"] == "</script><b>&"
        assert b"<b>&" not in page.content


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
            ("", ["Gamma", "Beta", "Alpha"]),
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
        page = client.get(URL, {"page": 2, "sort": "name"})
        assert len(self.rows(page)) == 13
        assert "51–63 of 63" in text(page)


class TestFragments:
    def test_a_swap_gets_the_content_alone(self, client):
        page = text(client.get(URL, headers=FRAGMENT))
        assert "<html" not in page
        assert "GB-hours per day" in page

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

    def test_says_what_is_wrong_with_the_days(self, client):
        page = text(client.get(URL, {"from": "2026-11-31", "to": "x"}))
        assert "“2026-11-31” is not a date" in page


def test_the_number_of_queries_does_not_grow(client, django_assert_max_num_queries):
    prices = {service: [(None, "0.7")] for service in Service.objects.all()}
    plan = make_plan(prices=prices)

    def join(name):
        organisation = make_organisation(name)
        make_subscription(organisation=organisation, plan_version=plan)
        make_daily_usage(organisation, date(2026, 11, 1), stored_gb=1, hours=1)

    join("Acme")
    with django_assert_max_num_queries(40) as few:
        client.get(URL)
    for n in range(20):
        join(f"Org {n}")
    with django_assert_max_num_queries(len(few)):
        client.get(URL)
