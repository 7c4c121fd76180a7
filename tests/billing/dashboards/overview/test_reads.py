"""What the overview reads."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.dashboards.ranges import read_range
from billing.metering.models import Service
from billing.rankings import upkeep
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from tests.billing.dashboards.conftest import NOW
from tests.billing.dashboards.overview.page import URL
from tests.statements import Asked, noted

pytestmark = pytest.mark.django_db

MANY = 2500
RANKED = """
INSERT INTO billing_rankedorganisation (ranking_id, organisation_id, name, plan, currency, opening,
    gb_hours, gb_hours_compared, gb_hours_before, stored, stored_compared, stored_before,
    execution, execution_compared, execution_before, cost, cost_compared, cost_before)
SELECT %s, id, name, '', 'EUR', n, n, n, n * 7 %% 1000, n, n, n, n, n, n, n, n, n
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM accounts_organisation) AS organisation
"""
NAMED = """
INSERT INTO accounts_organisation (id, slug, name, created_at, time_zone)
SELECT gen_random_uuid(), 'org-' || n, 'org ' || n, now(), 'UTC' FROM generate_series(1, %s) AS n
"""
USED = """
INSERT INTO billing_dailyusage (organisation_id, service_id, day, quantity, area, event_count)
SELECT id, %s, day::date, 1000000000, 0, 1
FROM accounts_organisation, generate_series(%s::date, %s::date, interval '1 day') AS day
"""


class TestWhatItReads:
    @pytest.fixture(autouse=True)
    def _ranked(self):
        """More organisations than a page may read rows, each with some days of usage."""
        span = Span.of(read_range({}, today=NOW.date()))
        upkeep.keep(span, now=NOW)
        ranking = Ranking.objects.get()
        storage = Service.objects.get(slug="storage")
        with connection.cursor() as cursor:
            cursor.execute(NAMED, [MANY])
            cursor.execute(RANKED, [ranking.pk])
            cursor.execute(USED, [storage.pk, NOW.date() - timedelta(days=2), NOW.date()])
            cursor.execute("ANALYZE")
        costs = [{"currency": "EUR", "cost": "9", "compared": "9", "before": "9"}]
        Ranking.objects.update(organisations=MANY, costs=costs)

    @pytest.mark.parametrize(
        "asked", [{}, {"metric": "cost", "by": "organisation"}, {"sort": "change", "page": "2"}]
    )
    def test_is_bounded_in_queries_and_in_rows(self, client, asked):
        client.get(URL)  # so that what is remembered is
        with noted() as statements:
            assert client.get(URL, asked).status_code == 200
        assert len(statements) <= 12
        read = {one.sql: rows_read(one) for one in statements if one.is_query}
        # A page, the leaders and the movers; this month and the one before.
        shown_times_days = (25 + 6 + 6) * 54
        assert shown_times_days < MANY  # so that whoever reads all of them is found
        assert sum(read.values()) <= shown_times_days, read


def rows_read(statement: Asked) -> float:
    """Return how many rows of tables a statement reads, what it throws away included."""
    nodes, rows = [statement.plan()], 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:
            thrown = node.get("Rows Removed by Filter", 0)
            rows += (node["Actual Rows"] + thrown) * node["Actual Loops"]
    return rows
