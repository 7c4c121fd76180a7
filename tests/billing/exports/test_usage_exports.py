"""Daily usage to take away."""

import csv
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.exports import daily
from billing.exports.views import USAGE
from tests.factories import make_daily_usage, make_organisation

pytestmark = pytest.mark.django_db

DAYS = "from=2026-11-01&to=2026-11-02"
OWN, ALL = "/organisations/acme/usage/export/", "/overview/export/"


@pytest.fixture
def used(acme):
    """Acme has stored 2 GB from the 1st on, and ran for 3 hours that day."""
    make_daily_usage(acme, date(2026, 11, 1), stored_gb=2, hours=3)
    return acme


def content(response) -> bytes:
    return b"".join(response.streaming_content)


def rows_of(response):
    return list(csv.DictReader(StringIO(content(response).decode())))


class TestCsv:
    def test_has_a_row_for_each_service_and_day_with_usage_or_a_level(self, used, as_user, member):
        response = as_user(member).get(f"{OWN}?{DAYS}")
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        disposition = response.headers["Content-Disposition"]
        assert disposition == 'attachment; filename="usage-acme-2026-11-01-to-2026-11-02.csv"'
        rows = rows_of(response)
        assert [(row["day"], row["service"], row["quantity"], row["level"]) for row in rows] == [
            ("2026-11-01", "execution-time", "3", ""),
            ("2026-11-01", "storage", "48", "2"),
            ("2026-11-02", "storage", "48", "2"),
        ]
        assert rows[2] | {"quantity": ""} == {
            "organisation": "acme",
            "name": "Acme",
            "time_zone": "UTC",
            "day": "2026-11-02",
            "service": "storage",
            "quantity": "",
            "unit": "GB·h",
            "level": "2",
            "level_unit": "GB",
        }

    def test_of_no_usage_is_its_header(self, acme, as_user, member):
        response = as_user(member).get(f"{OWN}?{DAYS}")
        assert content(response).decode().strip() == ",".join(USAGE.columns)

    def test_shows_a_name_that_a_spreadsheet_would_run(self, as_user, operator):
        evil = make_organisation("=HYPERLINK(1)")
        make_daily_usage(evil, date(2026, 11, 1), hours=1)
        [row] = rows_of(as_user(operator).get(f"{ALL}?{DAYS}"))
        assert row["name"] == "'=HYPERLINK(1)"

    def test_asks_as_often_for_few_organisations_as_for_one(self, as_user, operator, monkeypatch):
        def queries():
            with CaptureQueriesContext(
                connection,
            ) as seen:
                rows_of(as_user(operator).get(f"{ALL}?{DAYS}"))
            return len(seen)

        make_daily_usage(make_organisation("A"), date(2026, 11, 1), hours=1)
        one = queries()
        for name in "BCDE":
            make_daily_usage(make_organisation(name), date(2026, 11, 1), hours=1)
        assert queries() == one
        monkeypatch.setattr(daily, "AT_A_TIME", 2)
        assert len(rows_of(as_user(operator).get(f"{ALL}?{DAYS}"))) == 5


class TestParquet:
    def test_has_the_same_rows_with_exact_numbers(self, used, as_user, operator):
        client = as_user(operator)
        response = client.get(f"{ALL}?{DAYS}&format=parquet")
        table = pq.read_table(BytesIO(content(response))).to_pylist()
        assert [(row["service"], row["quantity"], row["level"]) for row in table] == [
            ("execution-time", Decimal(3), None),
            ("storage", Decimal(48), Decimal(2)),
            ("storage", Decimal(48), Decimal(2)),
        ]
        assert table[0]["day"] == date(2026, 11, 1)

    def test_of_no_usage_has_the_same_columns(self, acme, as_user, member):
        response = as_user(member).get(f"{OWN}?{DAYS}&format=parquet")
        table = pq.read_table(BytesIO(content(response)))
        assert (table.num_rows, table.column_names) == (0, USAGE.columns)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("from=2026-11-31&to=2026-12-01", b"is not a date"),
        ("range=2w", b"There is no range called"),
        (f"{DAYS}&format=xlsx", b"as csv and as parquet"),
    ],
)
def test_what_cannot_be_made_is_refused_and_not_another_file_given(
    acme, as_user, member, query, why
):
    response = as_user(member).get(f"{OWN}?{query}")
    assert response.status_code == 400
    assert why in response.content


@pytest.mark.parametrize(
    ("page", "export"), [("/organisations/acme/usage/", OWN), ("/overview/", ALL)]
)
def test_the_page_offers_the_days_that_it_shows(acme, as_user, operator, page, export):
    response = as_user(operator).get(f"{page}?{DAYS}").content.decode().replace("&amp;", "&")
    assert f'href="{export}?{DAYS}&format=csv"' in response
