"""The platform's days, whose months stay in memory once they were added up."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from cachetools import LRUCache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.metering.models import Service
from billing.metering.querying import totals
from billing.metering.querying.totals import daily_totals, reading_stamps
from billing.metering.usage_tables import PlatformUsage
from billing.periods import Days
from billing.together import read
from tests.factories import GB, make_daily_usage, make_organisation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEPTEMBER, OCTOBER = date(2026, 9, 17), date(2026, 10, 5)
DAYS = Days(date(2026, 9, 1), date(2026, 11, 24))


def hours(days: Days = DAYS) -> dict[date, int]:
    """Return the hours of days with any."""
    service = Service.objects.get(slug="execution-time")
    found = daily_totals(services=[service], days=days, now=NOW).get(service.pk, [])
    return {row.day: int(row.figure / 3600) for row in found if row.figure}


def of_october():
    return PlatformUsage.objects.filter(service__slug="execution-time", day=OCTOBER)


@pytest.fixture
def _used():
    make_daily_usage(make_organisation(), SEPTEMBER, OCTOBER, hours=2)


def months_read(queries: CaptureQueriesContext) -> list[str]:
    return [one["sql"] for one in queries if "billing_platformusage" in one["sql"]]


@pytest.mark.usefixtures("_used")
class TestTotals:
    def test_are_not_read_again_while_nothing_changes(self):
        assert hours() == {SEPTEMBER: 2, OCTOBER: 2}
        with CaptureQueriesContext(connection) as queries:
            assert hours() == {SEPTEMBER: 2, OCTOBER: 2}
        assert not months_read(queries)

    def test_of_some_days_of_a_month_are_these_days_alone(self):
        hours()
        assert hours(Days(date(2026, 9, 18), date(2026, 11, 24))) == {OCTOBER: 2}
        assert hours(Days(date(2026, 9, 1), OCTOBER)) == {SEPTEMBER: 2}

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda: of_october().update(quantity=7 * 3600), {SEPTEMBER: 2, OCTOBER: 7}),
            (lambda: of_october().delete(), {SEPTEMBER: 2}),
            (
                lambda: make_daily_usage(make_organisation("Other"), OCTOBER, hours=1),
                {SEPTEMBER: 2, OCTOBER: 3},
            ),
        ],
        ids=["changed", "deleted", "added"],
    )
    def test_are_read_again_where_they_changed_and_only_there(self, change, expected):
        hours()
        before = read(reading_stamps(DAYS))
        change()
        assert hours() == expected
        after = read(reading_stamps(DAYS))
        assert [month for month in before if before[month] != after[month]] == [date(2026, 10, 1)]

    def test_are_as_before_where_a_change_is_rolled_back(self):
        hours()
        with transaction.atomic():
            of_october().update(quantity=7 * 3600)
            assert hours() == {SEPTEMBER: 2, OCTOBER: 7}
            transaction.set_rollback(True)
        assert hours() == {SEPTEMBER: 2, OCTOBER: 2}
        of_october().update(quantity=9 * 3600)
        assert hours() == {SEPTEMBER: 2, OCTOBER: 9}

    def test_of_what_is_over_are_read_again_where_they_changed(self):
        over = Days(date(2026, 9, 1), date(2026, 11, 1))
        assert hours(over) == hours(over) == {SEPTEMBER: 2, OCTOBER: 2}
        of_october().update(quantity=7 * 3600)
        assert hours(over) == {SEPTEMBER: 2, OCTOBER: 7}

    def test_know_a_level_from_before_what_is_over(self):
        over, storage = Days(OCTOBER, date(2026, 11, 1)), Service.objects.get(slug="storage")

        def stored():
            found = daily_totals(services=[storage], days=over, now=NOW)[storage.pk]
            return found[0].level // GB

        make_daily_usage(make_organisation("Other"), SEPTEMBER, stored_gb=3)
        assert stored() == 3
        make_daily_usage(make_organisation("Third"), date(2026, 8, 1), stored_gb=4)
        assert stored() == 7
        openings = {storage.pk: Decimal(9 * GB)}
        known = daily_totals(services=[storage], days=over, now=NOW, openings=openings)
        assert known[storage.pk][0].level == 9 * GB

    def test_keep_no_more_than_what_was_asked_for_last(self, monkeypatch):
        monkeypatch.setattr(totals, "_kept", LRUCache(maxsize=2))
        assert hours() == {SEPTEMBER: 2, OCTOBER: 2}
        assert len(totals._kept) == 2
