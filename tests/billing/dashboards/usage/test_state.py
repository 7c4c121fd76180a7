"""What the address of an organisation's usage asks for."""

from datetime import date

import pytest

from billing.metering.models import Service
from billing.pricing.plans import publish
from tests.billing.dashboards.usage.page import URL, measure, text
from tests.factories import (
    LONG_AGO,
    make_daily_usage,
    make_draft,
    make_subscription,
)

pytestmark = pytest.mark.django_db


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
