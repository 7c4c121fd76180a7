"""What is not there yet is worked out in batches, whoever is killed amid one."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from billing.metering.models import Service
from billing.periods import Days
from billing.revenue import keeping, reading
from billing.revenue.models import DayRevenue, PeriodRevenue, RevenueUpkeep
from billing.together import read
from tests.factories import make_daily_usage, make_organisation, make_plan, make_subscription
from tests.races import run_at_once

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MONTHS = 14  # the one that goes on, and those that have some of 397 days before


@pytest.fixture(autouse=True)
def _used(monkeypatch):
    """Four organisations, of which three are a batch."""
    monkeypatch.setattr(keeping, "AT_A_TIME", 3)
    plan = make_plan(prices={Service.objects.get(slug="execution-time"): [("5", "0"), (None, "2")]})
    for name in ("Acme", "Globex", "Initech", "Umbrella"):
        organisation = make_organisation(name)
        make_subscription(organisation=organisation, plan_version=plan)
        make_daily_usage(organisation, date(2026, 9, 4), date(2026, 11, 2), NOW.date(), hours=9)


def rows():
    return list(PeriodRevenue.objects.order_by("pk").values_list()), list(
        DayRevenue.objects.order_by("pk").values_list()
    )


def known_from():
    return RevenueUpkeep.objects.get().known_from


def test_goes_on_where_it_was_and_comes_to_the_same():
    keeping.keep(now=NOW, seconds=60)
    at_once = rows()
    keeping.forget()
    keeping.begin(now=NOW)
    seen = []
    while RevenueUpkeep.objects.get().month:
        keeping.fill(now=NOW, seconds=0, watch=seen.append)
    assert rows() == at_once
    assert [one.done for one in seen[:4]] == [3, 4, 4, 7]
    assert seen[-1] == (4 * MONTHS, 4 * MONTHS)
    assert known_from() == date(2025, 10, 1)


def test_a_month_is_known_once_it_is_that_of_all():
    keeping.begin(now=NOW)
    november = Days(date(2026, 11, 1), date(2026, 12, 1))
    for batch in range(3):
        assert read(reading.reading(november)).known(november) == [], batch
        keeping.fill(now=NOW, seconds=0)
    assert read(reading.reading(november)).known(november) == list(november)[:23]


def test_who_is_stopped_amid_a_batch_leaves_nothing_of_it(monkeypatch):
    keeping.keep(now=NOW, seconds=60)
    at_once = rows()
    keeping.forget()
    keeping.begin(now=NOW)
    keeping.fill(now=NOW, seconds=0)
    before = rows()

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("billing.revenue.writing._add", killed)
        with pytest.raises(KeyboardInterrupt):
            keeping.fill(now=NOW, seconds=0)
    assert rows() == before
    keeping.fill(now=NOW, seconds=60)
    assert rows() == at_once


def test_the_command_does_all_of_it_and_says_so():
    call_command("fill_revenue", stdout=(out := StringIO()))
    assert "is known" in out.getvalue()
    before = rows()
    call_command("fill_revenue", "--anew", stdout=StringIO())
    assert rows() == before


@pytest.mark.parametrize(
    ("seconds", "times", "is_due"), [(29, 3, False), (30, 3, True), (99, 10, False)]
)
def test_what_changed_is_worked_out_seldomer_the_longer_that_takes(seconds, times, is_due):
    keeping.begin(now=NOW)
    RevenueUpkeep.objects.update(renewal=timedelta(seconds=10), seen={"0": -1})
    later = NOW + timedelta(seconds=seconds)
    keeping.renew(now=later, times=times)
    assert (RevenueUpkeep.objects.get().renewed_at == later) == is_due


def test_somebody_who_came_meanwhile_is_worked_out_by_what_they_use():
    keeping.begin(now=NOW)
    keeping.fill(now=NOW, seconds=60)
    late = make_organisation("Late")
    make_subscription(organisation=late, plan_version=late_plan())
    make_daily_usage(late, date(2026, 10, 4), hours=1)
    keeping.renew(now=NOW + timedelta(minutes=10))
    assert PeriodRevenue.objects.get(organisation=late, first=date(2026, 10, 1)).amounts[3] == 3


def late_plan():
    return make_plan(prices={Service.objects.get(slug="execution-time"): [(None, "3")]})


@pytest.mark.django_db(transaction=True)
def test_several_at_once_do_each_batch_once_and_come_to_the_same():
    keeping.keep(now=NOW, seconds=60)
    at_once = rows()
    keeping.forget()
    keeping.begin(now=NOW)
    seen = []
    run_at_once(
        *[lambda: keeping.fill(now=NOW, seconds=60, watch=lambda one: seen.append(1))] * 3,
        expected=(),
    )
    assert rows() == at_once
    assert len(seen) == MONTHS * 3  # two batches each, and that they are all
