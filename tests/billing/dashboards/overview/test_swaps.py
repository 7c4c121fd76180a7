"""What an open overview is answered."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
import time_machine
from django.core.cache import cache

from billing.dashboards.ranges import read_range
from billing.rankings import asking, making
from billing.rankings.spans import Span
from billing.rankings.tasks import rank, renew
from tests.billing.dashboards.conftest import FRAGMENT, NOW, RESTORE, TABLE
from tests.billing.dashboards.overview.page import URL, text
from tests.billing.metering.sending import send
from tests.factories import (
    make_daily_usage,
    make_organisation,
)

pytestmark = pytest.mark.django_db


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

    def test_an_open_page_asks_again_soon_where_an_event_is_to_be_folded(self, client):
        acme = make_organisation("Acme")
        [tag] = re.findall(r'data-live="([^"]+)"', text(client.get(URL)))
        again = {**FRAGMENT, "If-None-Match": unescape(tag)}
        assert "Ask-Again-After" not in client.get(URL, headers=again).headers
        event = ("1", "2026-11-05T10:00:00Z", {"seconds": 60})
        send(acme, event, kind="catacloud.execution.finished")
        answer = client.get(URL, headers=again)
        assert answer.status_code == 304
        assert int(answer.headers["Ask-Again-After"]) < 1000

    def test_says_what_is_wrong_with_the_days(self, client):
        page = text(client.get(URL, {"from": "2026-11-31", "to": "x"}))
        assert "“2026-11-31” is not a date" in page
