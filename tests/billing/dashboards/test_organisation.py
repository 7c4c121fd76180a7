"""One organisation's usage."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from django.db import connection

from billing.metering.folding import saga
from billing.metering.models import Dimension, Service
from billing.pricing.plans import publish
from catacloud.accounts.models import Organisation
from eventstore import feed
from tests.billing.dashboards.conftest import FRAGMENT, RESTORE
from tests.billing.metering.sending import send
from tests.factories import (
    LONG_AGO,
    make_daily_usage,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
    make_usage_row,
)
from tests.statements import Asked, noted

pytestmark = pytest.mark.django_db

URL = "/organisations/acme/usage/"


@pytest.fixture
def client(as_user, member):
    return as_user(member)


def make_priced(organisation, *, on=date(2026, 1, 1)):
    execution = Service.objects.get(slug="execution-time")
    plan = make_plan(prices={execution: [("100", "0.5"), (None, "0.4")]})
    return make_subscription(organisation=organisation, plan_version=plan, starts_on=on)


def measure(organisation, *events):
    """Meter execution times in seconds by region, at ten o'clock of days of November."""
    definition = Service.objects.get(slug="execution-time").definitions.get()
    Dimension.objects.get_or_create(definition=definition, name="region", path="region")
    sent = [
        (f"{n}", f"2026-11-{day}T10:00:00Z", {"seconds": seconds, "region": region})
        for n, (region, day, seconds) in enumerate(events)
    ]
    send(organisation, *sent, kind="catacloud.execution.finished")
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


def rows_read(statements: Iterable[Asked]) -> Counter[str]:
    """Count the rows that statements look at again, by table, where indexes are used."""
    found: Counter[str] = Counter()

    def walk(plan):
        name = re.sub(r"_p?\d+$", "", plan.get("Relation Name", ""))
        removed = plan.get("Rows Removed by Filter", 0)
        found[name] += round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
        for one in plan.get("Plans", []):
            walk(one)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    for one in statements:
        if one.is_query:
            walk(one.plan())
    return found


def tag_in(response) -> str:
    found = re.search('data-live="&quot;([0-9a-f]+)&quot;"', response.content.decode())
    assert found
    return f'"{found[1]}"'


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


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


class TestRowsRead:
    def test_are_the_days_that_are_shown_and_what_a_level_starts_from(self, acme, client):
        make_priced(acme)
        days = [date(2026, 11, 22) - timedelta(days=n) for n in range(200)]
        for organisation in (acme, *(make_organisation() for _ in range(8))):
            make_daily_usage(organisation, *days, stored_gb=1, hours=1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE billing_dailyusage")
        client.get(URL)
        with noted() as statements:
            client.get(URL, {"range": "7d"})
        read = rows_read(statements)
        # The week, and all of the month so far, for a day costs its share of what that comes to.
        shown, before = 2 * 23, 200 - 13
        services = 3  # of each, whether it was ever used is looked up
        assert read["billing_dailyusage"] <= 2 * shown + before + services
        assert read["eventstore_storedevent"] == 0
        assert read["billing_hourlyusage"] == 0


class TestState:
    def test_groups_by_a_dimension(self, acme, client):
        measure(acme, ("eu", 12, 7200), ("us", 12, 3600), ("eu", 13, 1000), ("us", 13, 1001))
        page = text(client.get(URL, {"by": "region", "metric": "execution"}))
        assert "Execution time per day, by region" in page
        assert "GB-hours per day" not in page
        assert "All others" not in page  # thirds of hours are rounded, but nothing is left of them
        row = '<td class="n">2 h 00 m</td><td class="n">1 h 00 m</td><td class="n">3 h 00 m</td>'
        assert row in page

    def test_compares_with_nothing_when_told_so(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 22), hours=3)
        assert "The period before" in text(client.get(URL))
        page = text(client.get(URL, {"compare": "off"}))
        assert "The period before" not in page
        assert "vs. 1–22 Oct" not in page

    def test_sorts_days_by_what_was_used(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        make_daily_usage(acme, date(2026, 11, 9), hours=2)
        page = text(client.get(URL, {"sort": "-used", "metric": "execution"}))
        assert page.index("Mon 9 Nov 2026") < page.index("Tue 3 Nov 2026")
        assert 'aria-sort="descending"' in page

    def test_says_what_there_is_none_of(self, acme, client):
        page = text(client.get(URL, {"by": "<b>"}))
        assert "There is no grouping called “&lt;b&gt;”." in page

    def test_begins_with_the_billing_period_where_that_is_no_month(self, acme, client):
        quarterly = make_draft(prices={Service.objects.get(slug="storage"): [(None, "1")]})
        quarterly.billing_period = "quarterly"
        quarterly.save()
        publish(version=quarterly, now=LONG_AGO)
        make_subscription(organisation=acme, plan_version=quarterly)
        page = text(client.get(URL))
        assert "<b>This period</b> 1 Oct – 23 Nov 2026" in page


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


class TestLive:
    def test_hears_that_nothing_is_new(self, acme, client, django_assert_max_num_queries):
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        tag = tag_in(client.get(URL, headers=FRAGMENT))
        with django_assert_max_num_queries(5):
            again = client.get(URL, headers={**FRAGMENT, "If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")

    def test_gets_new_figures_as_soon_as_they_count(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        tag = tag_in(client.get(URL, headers=FRAGMENT))
        measure(acme, ("eu", 12, 7200))
        again = client.get(URL, headers={**FRAGMENT, "If-None-Match": tag})
        assert again.status_code == 200
        assert tag_in(again) != tag

    def test_another_state_is_not_what_is_known(self, acme, client):
        tag = tag_in(client.get(URL, headers=FRAGMENT))
        other = client.get(f"{URL}?range=7d", headers={**FRAGMENT, "If-None-Match": tag})
        assert other.status_code == 200

    def test_a_page_that_is_opened_is_never_answered_with_a_tag_alone(self, acme, client):
        tag = tag_in(client.get(URL))
        assert client.get(URL, headers={"If-None-Match": tag}).status_code == 200


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
