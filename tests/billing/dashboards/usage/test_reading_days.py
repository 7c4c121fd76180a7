"""What usage pages read: the same figures as those that invoices and queries have."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import together
from billing.dashboards.usage.bill_so_far import bill_so_far, reading_agreed, reading_prices
from billing.dashboards.usage.days import reading_days
from billing.dashboards.usage.hours import hours_of, read_hours
from billing.dashboards.usage.used_services import reading_services
from billing.invoicing.charging.rate import rate_organisations
from billing.metering.folding import saga
from billing.metering.models import Definition, Dimension, Service
from billing.metering.querying import query
from billing.metering.querying.asked import Query
from billing.metering.querying.usage import daily_figures
from billing.metering.querying.windows import Size
from billing.periods import Days
from billing.pricing.models import Charge, Tier
from billing.pricing.plans import publish
from eventstore import feed
from tests.billing.metering.sending import send
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_service,
    make_subscription,
)

pytestmark = pytest.mark.django_db

START = datetime(2026, 10, 22, tzinfo=UTC)  # clocks change in Berlin on the 25th
NOW = START + timedelta(days=4, minutes=7)
DAYS = Days(date(2026, 10, 24), date(2026, 10, 28))
KINDS = [kind for kind in Service.Aggregation.values if kind != "unique_count"]


def fold():
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


@pytest.fixture
def services():
    """A service of each aggregation, all of the same events, by model."""
    made = []
    for kind in KINDS:
        service = make_service(slug=f"u-{kind}", aggregation=kind)
        definition = Definition.objects.create(
            service=service,
            starts_at=datetime(2001, 1, 1, tzinfo=UTC),
            event_types=["test.u"],
            quantity_path="quantity",
            allows_negative=True,
        )
        Dimension.objects.create(definition=definition, name="model", path="model", at_most=2)
        made.append(service)
    return made


minutes = st.integers(0, 4 * 24 * 60) | st.integers(0, 96).map(lambda hour: hour * 60)
usage = st.tuples(minutes, st.integers(-3, 5), st.sampled_from(["a", "b", "c", None]))


@given(
    events=st.lists(usage, min_size=1, max_size=25),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_days_hours_groups_and_bills_are_those_of_queries_and_invoices(services, events, zone):
    acme = make_organisation(time_zone=zone)
    version = make_draft(prices={one: [(None, "0.3")] for one in services})
    for service in services:
        if service.is_additive:
            apart = {"dimension": "model", "value": "a", "model": Charge.Model.PER_UNIT}
            charge = Charge.objects.create(version=version, service=service, **apart)
            Tier.objects.create(charge=charge, up_to=None, unit_price=Decimal("0.7"))
    publish(version=version, now=LONG_AGO)
    make_subscription(organisation=acme, plan_version=version)
    sent = [
        (f"{n}", (START + timedelta(minutes=at)).isoformat(), {"quantity": many, "model": model})
        for n, (at, many, model) in enumerate(events)
    ]
    send(acme, *sent, kind="test.u")
    fold()
    used = together.read(reading_services(acme, always=()))
    grouped = used.with_dimension("model")
    told_apart = [one for one in used.services if one.is_additive]
    assert grouped == [(one.pk, "model") for one in told_apart]
    known = together.read(reading_agreed(acme.pk))
    prices = together.read(reading_prices(acme, known, used, days=DAYS))
    assert prices.grouped == set(grouped)
    of_days = reading_days(acme, used.services, days=DAYS, shown=DAYS, grouped=grouped, now=NOW)
    read = together.read(of_days)
    for service in used.services:
        figures = daily_figures(service=service, days=DAYS, now=NOW, organisations=[acme.pk])
        own = {day: one for day, one in read.days[service.pk].items() if one.figure}
        assert {day: one.figure for day, one in own.items()} == {
            row.day: row.figure for row in figures if row.figure
        }
        if service.is_level:
            levels = {row.day: row.level for row in figures}
            assert {day: one.level for day, one in read.days[service.pk].items()} == levels
    for day in DAYS:
        check_hours(acme, used.services, day)
    check_groups(acme, told_apart, read)
    bill = bill_so_far(acme, prices, used.services, read, now=NOW)
    assert bill == rate_organisations(days=DAYS, now=NOW, organisations=[acme.pk])[acme.pk]


def asked(acme, service, first, end, size, by=()):
    return Query(
        service=service, owners=[acme.pk], first=first, end=end, size=size, zone=acme.zone, by=by
    )


def check_hours(acme, services, day):
    starts = hours_of(day, acme)
    read = read_hours(acme, services, day=day, now=NOW)
    for service in services:
        if service.aggregation == "peak" or starts[0] >= NOW:
            continue
        rows = query.run(asked(acme, service, starts[0], starts[-1], Size.HOUR), now=NOW)
        known = {row.starts_at: row.value for row in rows if row.value}
        assert {
            start: one.figure for start, one in read.hours[service.pk].items() if one.figure
        } == known, service.aggregation


def check_groups(acme, grouped, read):
    for service in grouped:
        first, end = DAYS.starts_in(acme.zone), DAYS.ends_in(acme.zone)
        rows = query.run(asked(acme, service, first, end, Size.DAY, ("model",)), now=NOW)
        known = {
            (row.groups["model"], row.starts_at.astimezone(acme.zone).date()): row.value
            for row in rows
            if row.value
        }
        assert {
            (value, day): one.figure
            for value, each in read.groups[service.pk, "model"].items()
            for day, one in each.items()
            if one.figure
        } == known, service.aggregation
