"""Unique counts by week and month: what comes on two days of one is in it once."""

import csv
import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dashboards.grains import places_of
from billing.dashboards.usage.distinct import reading_distinct
from billing.metering.models import Service
from billing.metering.usage_tables import UniqueValue
from billing.periods import Days, day_of
from billing.together import read
from tests.billing.dashboards.usage.page import URL, fold_all, text
from tests.billing.metering.sending import send
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def seats(acme):
    """Count who came: Ann and Bo, and a day later Bo and Cy; Ann again in the week after."""
    service = make_service(slug="seats", aggregation="unique_count", unit="users", unit_size=1)
    came = [("Ann", 3), ("Bo", 3), ("Bo", 4), ("Cy", 4), ("Ann", 10), ("Di", 10)]
    visits = [
        (f"{n}", f"2026-11-{day:02}T10:00:00Z", {"quantity": who})
        for n, (who, day) in enumerate(came)
    ]
    earlier = ("before", "2026-10-05T10:00:00Z", {"quantity": "Ann"})
    send(acme, earlier, *visits, kind="test.seats")
    fold_all()
    return service


def drawn(client, **asked):
    page = client.get(URL, {"metric": "seats", **asked}).content.decode()
    found = re.search(r'id="seats-figure"[^>]*>(.*?)</script>', page)
    assert found
    return json.loads(found[1])


@pytest.mark.usefixtures("seats")
class TestPage:
    def test_counts_what_is_different_in_each_week(self, client):
        weeks, before, *_ = drawn(client, grain="week")["data"]
        assert weeks["y"][:4] == [0, 3, 2, 0]
        assert before["y"][:3] == [0, 1, 0]
        page = text(client.get(URL, {"metric": "seats", "grain": "week"}))
        assert "seats per week" in page
        assert "what comes in two weeks is in both, and in a bill once." in page
        row = page.split("2–8 Nov</a></th>")[1].split("</tr>")[0]
        assert re.findall(r"<td[^>]*>([^<]*)", row)[0] == "3 users"

    def test_counts_what_is_different_in_each_month(self, client):
        asked = {"from": "2026-10-01", "to": "2026-11-23", "grain": "month"}
        months, *_ = drawn(client, **asked)["data"]
        assert months["y"] == [1, 4]
        page = text(client.get(URL, {"metric": "seats", **asked}))
        assert "seats per month" in page
        assert "what comes in two months is in both." in page

    def test_counts_by_day_what_is_different_in_it(self, client):
        days, *_ = drawn(client)["data"]
        assert days["y"][2:5] == [2, 2, 0]
        page = text(client.get(URL, {"metric": "seats"}))
        assert "what comes on two days is in both, and in a bill once." in page

    def test_is_taken_away_as_it_is_shown(self, client):
        answer = client.get(URL, {"metric": "seats", "grain": "week", "format": "csv"})
        rows = list(csv.reader(answer.content.decode().splitlines()))
        assert rows[2][:8] == ["2026-11-02/2026-11-08", "seats", "", "3", "users", "", "", "1"]


FIRST = date(2026, 3, 20)  # clocks change within
VISITS = st.lists(
    st.tuples(st.integers(0, 40 * 24), st.sampled_from("abcde"), st.booleans()), max_size=30
)


@given(visits=VISITS, grain=st.sampled_from(["week", "month"]))
def test_places_are_those_of_the_organisations_days(visits, grain):
    organisation = make_organisation(time_zone="Europe/Berlin")
    mine, other = (make_service(aggregation="unique_count", unit_size=1) for _ in range(2))
    start = datetime(2026, 3, 15, tzinfo=UTC)
    rows = {(start + timedelta(hours=hours), who, is_mine) for hours, who, is_mine in visits}
    UniqueValue.objects.bulk_create(
        UniqueValue(
            organisation=organisation,
            service=mine if is_mine else other,
            hour=hour,
            groups={},
            value=who,
        )
        for hour, who, is_mine in rows
    )
    places = places_of(Days(FIRST, FIRST + timedelta(days=30)), grain)
    expected: defaultdict[Days, set[str]] = defaultdict(set)
    for hour, who, is_mine in rows:
        day = day_of(hour, ZoneInfo("Europe/Berlin"))
        for place in places:
            if is_mine and place.first <= day < place.end:
                expected[place].add(who)
    services = [mine, Service.objects.get(slug="storage")]
    found = read(reading_distinct(organisation, services, places))
    assert {place: one.figure for place, one in found[mine.pk].items()} == {
        place: Decimal(len(values)) for place, values in expected.items()
    }
    assert found.keys() == {mine.pk}
