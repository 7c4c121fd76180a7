"""What the overview reads by month comes to what days do."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing.dashboards.grains import MONTH, places_of
from billing.dashboards.overview.months import months_of
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying.usage import Known, daily_figures
from billing.periods import Days
from tests.billing.dashboards.conftest import NOW
from tests.factories import make_daily_usage, make_organisation

pytestmark = pytest.mark.django_db

MONTHS = Days(date(2026, 8, 1), date(2026, 11, 1))  # with the end of summer time


@pytest.fixture
def organisations():
    """One that stored something before, one in another zone, one that used nothing."""
    acme = make_organisation("Acme")
    berlin = make_organisation("Berlin", time_zone="Europe/Berlin")
    for one, first in ((acme, date(2026, 6, 3)), (berlin, date(2026, 8, 20))):
        days = (first + timedelta(days=11 * n) for n in range(12))
        make_daily_usage(one, *days, stored_gb=3, hours=Decimal("1.5"))
    return [acme.pk, berlin.pk, make_organisation("Nobody").pk]


@pytest.mark.parametrize("slug", ["storage", "execution-time"])
def test_months_are_the_sums_of_their_days(organisations, slug):
    service = Service.objects.get(slug=slug)
    before = daily_figures(
        service=service,
        days=Days(date(2026, 5, 1), MONTHS.first),
        now=NOW,
        organisations=organisations,
    )
    openings = {row.organisation_id: row.level for row in before if row.organisation_id}
    known = Known(zoning.of(organisations), openings if service.is_level else {})
    days = daily_figures(service=service, days=MONTHS, now=NOW, organisations=organisations)
    sums = defaultdict(Decimal)
    for row in days:
        sums[row.organisation_id, row.day.replace(day=1)] += row.figure
    for _ in ("added up", "kept"):
        found = months_of(organisations, service, known, places_of(MONTHS, MONTH), now=NOW)
        assert found is not None
        months = {(one, day): row.figure for one, its in found.items() for day, row in its.items()}
        assert {key: figure for key, figure in months.items() if figure} == {
            key: figure for key, figure in sums.items() if figure
        }


@pytest.mark.parametrize(
    "days",
    [Days(date(2026, 8, 1), date(2026, 10, 20)), Days(date(2026, 10, 1), date(2026, 12, 1))],
)
def test_what_is_no_whole_month_or_not_over_is_left_to_days(organisations, days):
    service = Service.objects.get(slug="execution-time")
    known = Known(zoning.of(organisations), {})
    assert months_of(organisations, service, known, places_of(days, MONTH), now=NOW) is None
