"""Addresses that nobody meant: a page answers each of them, and says what it cannot show."""

from datetime import date
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing.metering.models import Service
from tests.billing.dashboards.conftest import FRAGMENT, TABLE
from tests.factories import make_daily_usage, make_plan, make_subscription

pytestmark = pytest.mark.django_db

ACME = "/organisations/acme"
PAGES = ["/overview/", f"{ACME}/usage/", f"{ACME}/costs/", f"{ACME}/usage/days/2026-11-05/"]

ranges = ["this-month", "this-period", "last-period", "7d", "90d", "3m", "6m", "12m"]
odd_ranges = ["0m", "-12m", "99999999m", "m", "d", "12M", "١٢m", "7d7d", "12m ", "this month"]
days = ["2026-10-31", "2026-11-23", "2025-11-01", "2024-02-29", "2000-01-01", "2026-11-24"]
odd_days = ["2026-02-30", "0001-01-01", "9999-12-31", "2026-W48-1", "20261101", "2026-11-1"]
odd_days += ["2026-11-05T00:00", "٢٠٢٦-١١-٠١", "-2026-11-01", "1999-12-31", "٢"]
odd = [
    "",
    "\x00",
    "<b>",
    "%",
    "'; --",
    "NaN",
    "-1",
    "0",
    "9" * 30,
    "x" * 400,
    "🦊",
    "\u202e",
    "off",
]
KNOWN = {
    "range": ranges + odd_ranges,
    "from": days + odd_days,
    "to": days + odd_days,
    "compare": ["off", "on"],
    "grain": ["day", "week", "month", "year"],
    "metric": ["gb-hours", "stored", "execution", "cost", "COST"],
    "by": ["service", "organisation", "region"],
    "shape": ["bars", "lines"],
    "sort": ["name", "-name", "change", "-percent", "day", "-used", "cost", "--cost"],
    "page": ["1", "2", "-1", "1e9"],
    "q": ["acme", "a"],
    "format": ["csv", "json"],
}
pairs = st.sampled_from(sorted(KNOWN)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from([*KNOWN[name], *odd]) | st.text())
)
queries = st.lists(pairs, max_size=5).map(urlencode) | st.binary(max_size=30).map(
    lambda some: some.decode("latin-1")
)


@pytest.fixture
def client(as_user, operator, acme):
    prices = {one: [("1", "0"), (None, "2")] for one in Service.objects.all()}
    make_subscription(organisation=acme, plan_version=make_plan(prices=prices))
    used = [date(2025, 12, 31), date(2026, 10, 30), date(2026, 11, 5)]
    make_daily_usage(acme, *used, stored_gb=1, hours=2)
    return as_user(operator)


@pytest.mark.parametrize("page", PAGES)
def test_are_answered(client, page):
    @given(query=queries, headers=st.sampled_from([{}, FRAGMENT, TABLE]))
    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example(query="from=2025-12-15&to=2026-11-05&compare=off", headers={})
    @example(query="range=12m&range=7d&metric=cost&by=organisation", headers=FRAGMENT)
    def check(query, headers):
        answer = client.get(page, headers=headers, QUERY_STRING=query)
        assert answer.status_code in (200, 302, 404), query
        if answer.status_code == 200 and not answer.streaming:
            assert "Traceback" not in answer.content.decode()

    check()


@pytest.mark.parametrize("page", PAGES[:2])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("range=99999999m", "There is no range called “99999999m”."),
        ("from=2026-02-30&to=2026-03-01", "“2026-02-30” is not a date such as 2026-11-30."),
        ("from=2026-11-20&to=2026-11-10", "The first day must not come after the last one."),
        ("from=2026-11-20", "A date is missing."),
        ("from=2026-12-01&to=2026-12-02", "2026-12-01 is in the future."),
        ("from=1999-01-01&to=1999-01-02", "There are no figures before 2000."),
        ("from=2001-01-01&to=2026-11-01", "At most 732 days fit on a page."),
    ],
)
def test_say_in_a_sentence_why_other_days_are_shown(client, page, query, sentence):
    answer = client.get(page, QUERY_STRING=query).content.decode()
    assert f"{sentence} This month is shown instead." in answer
