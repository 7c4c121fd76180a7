"""What the page of an organisation's usage reads."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from django.db import connection

from tests.billing.dashboards.usage.page import URL, make_priced
from tests.factories import (
    make_daily_usage,
    make_organisation,
)
from tests.statements import Asked, noted

pytestmark = pytest.mark.django_db


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
