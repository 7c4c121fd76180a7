"""What is to come of a month, on the operators' overview: in its charts, and of its revenue."""

from datetime import date, timedelta

import pytest

from billing.metering.models import Service
from billing.revenue import keeping
from tests.billing.dashboards.conftest import NOW
from tests.billing.dashboards.overview.page import URL, text, whole_figure
from tests.factories import make_daily_usage, make_organisation, make_plan, make_subscription

pytestmark = pytest.mark.django_db

LAST = "2026-11-30"


@pytest.fixture
def acme():
    """Two hours a day, at € 3 each."""
    acme = make_organisation("Acme")
    prices = {Service.objects.get(slug="execution-time"): [(None, "3")]}
    make_subscription(organisation=acme, plan_version=make_plan(prices=prices))
    make_daily_usage(acme, *(date(2026, 10, 1) + timedelta(days=n) for n in range(53)), hours=2)
    return acme


def expected(page):
    return next(one for one in whole_figure(page)["data"] if one["name"] == "expected")


@pytest.mark.parametrize("shape", ["bars", "lines"])
def test_is_drawn_with_its_interval(client, acme, shape):
    page = client.get(URL, {"metric": "execution", "shape": shape})
    line = expected(page)
    assert (line["x"][-1], line["y"][-1]) == (LAST, 2.0)
    assert "forecast, with its 80 % interval" in text(page)
    assert "Forecast to 30 Nov: 60 h 00 m ± 0 h." in text(page)


def test_of_a_level_goes_on_as_it_did(client):
    days = (date(2026, 11, 1) + timedelta(days=n) for n in range(23))
    make_daily_usage(make_organisation("Acme"), *days, stored_gb=1)  # more each day
    line = expected(client.get(URL, {"metric": "stored"}))
    assert (line["x"][-1], line["y"][-1]) == (LAST, 30.0)


def test_is_in_the_table_beside_the_chart(client, acme):
    asked = {"HX-Request": "true", "HX-Target": "days-table"}
    rows = text(client.get(URL, {"metric": "execution"}, headers=asked))
    row = '<th scope="row">Mon 30 Nov 2026, forecast</th> <td class="n">2 h 00 m ± 0 h</td>'
    assert row in rows


def test_of_revenue_is_told_beside_it(client, acme):
    keeping.keep(now=NOW, seconds=60)
    assert "Forecast to 30 Nov: €180.00 ± €0.00." in text(client.get(URL))


def test_is_not_known_of_revenue_before_yesterday_is_worked_out(client, acme):
    assert "Forecast" not in text(client.get(URL))


def test_is_nothing_of_days_that_are_over(client, acme):
    page = text(client.get(URL, {"metric": "execution", "range": "last-month"}))
    assert "Forecast" not in page
