"""One organisation's usage."""

from datetime import date

import pytest

from tests.billing.dashboards.conftest import FRAGMENT, RESTORE
from tests.billing.dashboards.usage.page import URL, make_priced, text
from tests.factories import (
    make_daily_usage,
    make_service,
    make_usage_row,
)

pytestmark = pytest.mark.django_db


class TestWhoMaySeeIt:
    @pytest.mark.parametrize("persona", ["owner", "member", "operator"])
    def test_is_there_for_members_and_operators(self, acme, as_user, persona, request):
        assert as_user(request.getfixturevalue(persona)).get(URL).status_code == 200

    def test_does_not_exist_for_a_stranger(self, acme, as_user, stranger):
        assert as_user(stranger).get(URL).status_code == 404

    def test_sends_a_visitor_to_the_sign_in(self, acme, client):
        client.logout()
        assert client.get(URL).status_code == 302


class TestPage:
    def test_shows_each_metric_per_day(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 22), stored_gb=500, hours=3)
        page = text(client.get(URL))
        for title in (
            "GB-hours per day",
            "Stored at the end of each day",
            "Execution time per day",
        ):
            assert title in page
        assert 'Sun 22 Nov 2026</a></th><td class="n">12 k GB·h</td>' in page

    def test_shows_what_an_operator_defined_by_its_own_figure_and_unit(self, acme, client):
        seats = make_service(slug="seats", aggregation="max", unit="seats", unit_size=1)
        make_usage_row(organisation=acme, service=seats, day=date(2026, 11, 22), quantity=17)
        make_service(slug="unused", aggregation="max", unit="things")
        page = text(client.get(URL))
        assert "seats per day" in page
        assert '<td class="n">17 seats</td>' in page
        assert "unused" not in page

    def test_shows_a_command_to_send_an_event_when_there_is_none(self, client):
        page = text(client.get(URL))
        assert "No usage on these days" in page
        assert "curl http://testserver/api/v1/events" in page

    def test_is_not_empty_where_there_is_usage_of_today_alone(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 23), stored_gb=0, hours=3)
        assert "No usage on these days" not in text(client.get(URL))

    def test_says_what_is_wrong_with_the_days(self, client):
        page = text(client.get(URL, {"range": "century"}))
        assert "There is no range called “century”. This month is shown instead." in page

    def test_a_swap_gets_the_content_alone(self, client):
        assert "<html" not in text(client.get(URL, headers=FRAGMENT))

    def test_a_swap_brings_the_tables_that_are_open_and_no_others(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 22), stored_gb=1, hours=3)
        folded = text(client.get(URL, headers=FRAGMENT))
        assert "<caption>" not in folded
        assert 'hx-target="#execution-table"' in folded
        opened = FRAGMENT | {"Open-Tables": "execution-data elsewhere-data"}
        assert text(client.get(URL, headers=opened)).count("<caption>") == 1

    def test_a_table_comes_alone_as_it_is_opened(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 22), stored_gb=1, hours=3)
        asked = FRAGMENT | {"HX-Target": "execution-table"}
        table = text(client.get(f"{URL}?sort=-used", headers=asked))
        assert table.count("<table>") == table.count("<caption>") == 1
        assert '<td class="n">3 h 00 m</td>' in table
        assert 'id="execution-sort-used" href="/organisations/acme/usage/?sort=used"' in table
        assert "<h1>" not in table

    def test_there_is_no_table_of_what_is_no_chart(self, client):
        asked = FRAGMENT | {"HX-Target": "nothing-table"}
        assert client.get(URL, headers=asked).status_code == 404

    def test_a_history_restore_gets_the_whole_page(self, client):
        assert "<html" in text(client.get(URL, headers=RESTORE))

    def test_the_number_of_queries_does_not_grow(self, acme, client, django_assert_max_num_queries):
        make_priced(acme)
        with django_assert_max_num_queries(12):
            client.get(URL)
        for day in range(1, 23):
            make_daily_usage(acme, date(2026, 11, day), stored_gb=1, hours=1)
        for number in range(3):
            seats = make_service(slug=f"seats-{number}", aggregation="max", unit="seats")
            make_usage_row(organisation=acme, service=seats, day=date(2026, 11, 22), quantity=17)
        with django_assert_max_num_queries(12):
            client.get(URL)
        with django_assert_max_num_queries(12):
            client.get(f"{URL}?range=90d&by=region")
