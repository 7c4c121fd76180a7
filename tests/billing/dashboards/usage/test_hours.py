"""Hours of an organisation's usage."""

import pytest

from catacloud.accounts.models import Organisation
from tests.billing.dashboards.usage.page import URL, measure, text

pytestmark = pytest.mark.django_db


class TestHours:
    def test_lead_to_the_events_of_each(self, acme, client):
        measure(acme, ("eu", 12, 7200))
        page = text(client.get(f"{URL}days/2026-11-12/?range=30d"))
        assert "Execution time per hour" in page
        assert '<a href="/organisations/acme/usage/?range=30d">Usage</a>' in page
        there = "/organisations/acme/events/?hour=2026-11-12T10%3A00Z&amp;service=execution-time"
        assert there in page
        events = text(client.get(there.replace("&amp;", "&")))
        assert "<bdi>0</bdi>" in events
        assert '<a href="/organisations/acme/usage/days/2026-11-12/">Thu 12 Nov 2026</a>' in events
        assert "10:00–11:00" in events
        empty = client.get("/organisations/acme/events/?hour=2026-11-12T11:00Z")
        assert "No such event" in text(empty)

    def test_lead_back_to_days_that_their_own_is_among(self, client):
        page = text(client.get(f"{URL}days/2026-09-12/?metric=execution"))
        back = "/organisations/acme/usage/?from=2026-09-01&amp;to=2026-09-30&amp;metric=execution"
        assert f'<a href="{back}">Usage</a>' in page

    def test_say_why_an_hour_without_an_event_has_its_figure(self, client):
        events = "/organisations/acme/events/?hour=2026-11-12T11:00Z&service="
        went_on = "what stood before it went on counting"
        assert went_on in text(client.get(f"{events}storage"))
        assert went_on not in text(client.get(f"{events}execution-time"))

    def test_are_there_to_take_away(self, acme, client):
        measure(acme, ("eu", 12, 7200))
        answer = client.get(f"{URL}days/2026-11-12/?metric=execution&format=csv")
        assert "10:00,Execution time,,2,h," in answer.content.decode().splitlines()

    def test_are_those_of_the_organisations_clock(self, client, acme):
        Organisation.objects.filter(pk=acme.pk).update(time_zone="Asia/Kathmandu")
        measure(acme, ("eu", 12, 7200))
        page = text(client.get(f"{URL}days/2026-11-12/"))
        assert '<th scope="row">15:00</th> <td class="n">2 h 00 m</td>' in page
        assert "hour=2026-11-12T09%3A15Z" in page
        events = text(client.get("/organisations/acme/events/?hour=2026-11-12T09:15Z"))
        assert "15:00–16:00" in events
        assert "times are Asia/Kathmandu" in events
        assert "12 Nov 2026, 15:45:00" in events

    @pytest.mark.parametrize("day", ["today", "2026-11-24", "1999-01-01", "2026-02-30"])
    def test_are_not_found_of_what_is_no_day(self, client, day):
        assert client.get(f"{URL}days/{day}/").status_code == 404

    def test_take_few_queries(self, acme, client, django_assert_max_num_queries):
        measure(acme, ("eu", 12, 7200))
        with django_assert_max_num_queries(6):
            client.get(f"{URL}days/2026-11-12/?by=region")
