"""Prices for one value of a dimension, and for single events: counted from what was sent."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from billing.accounts.commands import join_pool, override_price
from billing.exact import plain
from billing.invoicing.charging.rate import RatedLine, rate_organisations
from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Invoice
from billing.invoicing.proving import why
from billing.metering.folding import saga
from billing.metering.models import Definition, Dimension, Service
from billing.periods import month_of
from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.plans import publish
from catacloud.accounts.models import Organisation
from eventstore import feed
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.billing.metering.sending import send
from tests.factories import (
    LONG_AGO,
    make_draft,
    make_organisation,
    make_plan,
    make_service,
    make_subscription,
)

pytestmark = pytest.mark.django_db

OCTOBER = month_of(date(2026, 10, 1))
START = datetime(2026, 10, 1, tzinfo=UTC)
AFTER = datetime(2026, 11, 3, tzinfo=UTC)
ids = count(1)

Priced = Callable[..., PlanVersion]


def measured(slug: str, aggregation: str, unit_size: int) -> Service:
    service = make_service(slug=slug, aggregation=aggregation, unit="u", unit_size=unit_size)
    definition = Definition.objects.create(
        service=service,
        starts_at=datetime(2001, 1, 1, tzinfo=UTC),
        event_types=[f"test.{slug}"],
        quantity_path="n",
        allows_negative=True,
    )
    Dimension.objects.create(definition=definition, name="region", path="region", at_most=3)
    return service


def priced(version: PlanVersion, service: Service, price: str, **fields: Any) -> None:
    if "value" in fields:
        fields["dimension"] = "region"
    charge = Charge.objects.create(
        version=version, service=service, **{"model": "per_unit", **fields}
    )
    Tier.objects.create(charge=charge, unit_price=Decimal(price))


def used(organisation: Organisation, slug: str, *usage: tuple[int, str | None, int]) -> None:
    """Use so many units in a region, so many hours after the month's start."""
    send(
        organisation,
        *(
            (
                f"e{next(ids)}",
                START + timedelta(hours=hours),
                {"n": n} if region is None else {"n": n, "region": region},
            )
            for n, region, hours in usage
        ),
        kind=f"test.{slug}",
    )
    fold()


def fold() -> None:
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


def subscribed(version: PlanVersion, *, time_zone: str = "UTC") -> Organisation:
    organisation = make_organisation(time_zone=time_zone)
    make_subscription(plan_version=version, organisation=organisation)
    return organisation


def lines(organisation: Organisation, now: datetime = AFTER) -> list[RatedLine]:
    return list(rate_organisations(days=OCTOBER, now=now)[organisation.pk].lines)


def told(found: list[RatedLine]) -> list[tuple[str, str, str]]:
    return [(line.value, plain(line.quantity), plain(line.amount)) for line in found]


@pytest.fixture
def by_region(request: pytest.FixtureRequest) -> PlanVersion:
    """Two regions at 3 and 2, all else at 1, of a sum or what is asked for."""
    kind = getattr(request, "param", "sum")
    service = measured("traffic", kind, 10**9 * 3_600_000_000 if kind == "level" else 1)
    version = make_draft(prices={})
    priced(version, service, "3", value="eu")
    priced(version, service, "1")
    priced(version, service, "2", value="us")
    publish(version=version, now=LONG_AGO)
    return version


class TestAPriceByRegion:
    def test_is_for_what_was_used_there_and_the_one_without_for_the_rest(
        self, by_region: PlanVersion
    ) -> None:
        acme = subscribed(by_region)
        used(acme, "traffic", (5, "eu", 0), (7, "us", 30), (2, "eu", 50), (11, "asia", 3))
        used(acme, "traffic", (100, None, 4), (1000, "eu", -1))
        assert told(lines(acme)) == [("eu", "7", "21"), ("us", "7", "14"), ("", "111", "111")]

    def test_of_what_is_not_used_is_a_line_of_nothing(self, by_region: PlanVersion) -> None:
        assert [line.amount for line in lines(subscribed(by_region))] == [0, 0, 0]

    def test_is_for_days_of_each_organisation(self, by_region: PlanVersion) -> None:
        utc, kolkata = subscribed(by_region), subscribed(by_region, time_zone="Asia/Kolkata")
        for one in (utc, kolkata):
            used(one, "traffic", (5, "eu", -5), (7, "eu", 31 * 24 - 6), (1, "eu", 31 * 24 - 1))
        assert told(lines(utc))[0] == ("eu", "8", "24")
        assert told(lines(kolkata))[0] == ("eu", "12", "36")

    @pytest.mark.parametrize("by_region", ["level"], indirect=True)
    def test_is_for_a_level_as_long_as_it_stood_there(self, by_region: PlanVersion) -> None:
        acme = subscribed(by_region)
        used(acme, "traffic", (10**9, "eu", -24), (10**9, "us", 0), (10**9, "asia", 31 * 24 - 2))
        assert [plain(line.quantity) for line in lines(acme)] == ["744", "744", "2"]

    @pytest.mark.parametrize("by_region", ["max"], indirect=True)
    def test_of_a_greatest_is_for_the_greatest_there(self, by_region: PlanVersion) -> None:
        acme = subscribed(by_region)
        used(acme, "traffic", (5, "eu", 1), (9, "eu", 2), (4, "asia", 3), (6, None, 4))
        assert [plain(line.quantity) for line in lines(acme)] == ["9", "0", "6"]

    def test_stands_on_the_invoice_and_is_corrected_there(self, by_region: PlanVersion) -> None:
        acme = subscribed(by_region)
        used(acme, "traffic", (5, "eu", 0), (7, "us", 0))
        invoice = close_period(organisation=acme, days=OCTOBER, now=AFTER)
        assert [(line.value, plain(line.amount)) for line in invoice.lines.all()] == [
            ("eu", "15"),
            ("us", "14"),
            ("", "0"),
        ]
        used(acme, "traffic", (1, "us", 9))
        november = close_period(
            organisation=acme, days=month_of(date(2026, 11, 1)), now=AFTER + timedelta(days=30)
        )
        [correction] = november.lines.filter(corrects=invoice)
        assert (correction.value, correction.amount) == ("us", Decimal(2))
        assert correction.before_amount == 14


class TestWhy:
    """A line opens to what its price is for, and to no other event of the hour."""

    def opened(self, invoice: Invoice, value: str = "") -> tuple[list[str], list[str]]:
        """Return the quantities of the days, and of the events of the month's first hour."""
        line = why.open_line(invoice, invoice.lines.get(value=value).position)
        days = [plain(span.quantity) for span in why.days(line, now=AFTER)]
        return days, [plain(event.quantity) for event in why.events(line, START)]

    def test_opens_to_the_events_of_the_lines_value(self, by_region: PlanVersion) -> None:
        acme = subscribed(by_region)
        used(acme, "traffic", (5, "eu", 0), (7, "us", 0), (11, "asia", 0), (13, None, 0))
        invoice = close_period(organisation=acme, days=OCTOBER, now=AFTER)
        assert self.opened(invoice, "eu") == (["5"], ["5"])
        assert self.opened(invoice) == (["24"], ["11", "13"])

    def test_of_an_own_price_opens_to_all_of_the_service(self, by_region: PlanVersion) -> None:
        acme = subscribed(by_region)
        used(acme, "traffic", (5, "eu", 0), (11, "asia", 0))
        traffic = Service.objects.get(slug="traffic")
        override_price(agreed(acme), service=traffic, terms=PER_UNIT, starts_on=OCTOBER.first)
        invoice = close_period(organisation=acme, days=OCTOBER, now=AFTER)
        assert self.opened(invoice) == (["16"], ["5", "11"])

    def test_in_a_volume_account_opens_by_its_parents_prices(self, by_region: PlanVersion) -> None:
        traffic = Service.objects.get(slug="traffic")
        acme = subscribed(make_plan(prices={traffic: [(None, "1")]}))
        join_pool(agreed(acme), parent=subscribed(by_region), starts_on=OCTOBER.first)
        used(acme, "traffic", (5, "eu", 0), (11, "asia", 0))
        invoice = close_period(organisation=acme, days=OCTOBER, now=AFTER)
        assert self.opened(invoice, "eu") == (["5"], ["5"])
        assert self.opened(invoice) == (["11"], ["11"])


class TestAPriceOfSingleEvents:
    def test_takes_a_share_and_a_fee_of_each_in_the_order_of_time(self) -> None:
        service = measured("payments", "sum", 100)  # cents
        version = make_draft(prices={})
        priced(
            version,
            service,
            "1",
            model="percentage",
            event_fee="0.30",
            event_maximum="2",
            free_events=1,
        )
        publish(version=version, now=LONG_AGO)
        acme = subscribed(version)
        # The first one is free; then 1 + 0.30, at most 2, and a refund of 0.50.
        used(acme, "payments", (10_000, None, 5), (50_000, "eu", 9), (99_900, None, 1))
        used(acme, "payments", (-5_000, None, 10))
        [line] = lines(acme)
        assert told([line]) == [("", "1549", "2.8")]
        assert [(step.kind, plain(step.amount)) for step in line.working] == [
            ("allowance", "0"),
            ("units", "5.5"),
            ("fee", "0.6"),
            ("maximum", "-3.3"),
        ]

    def test_can_be_for_one_region(self) -> None:
        service = measured("payments", "sum", 1)
        version = make_draft(prices={})
        fields = {"model": "percentage", "event_fee": "1"}
        priced(version, service, "0", value="eu", **fields)
        priced(version, service, "0", **{**fields, "event_fee": "5"})
        publish(version=version, now=LONG_AGO)
        acme = subscribed(version)
        used(acme, "payments", (1, "eu", 1), (1, "eu", 2), (1, "us", 3), (1, "eu", 31 * 24))
        assert told(lines(acme)) == [("eu", "2", "2"), ("", "1", "5")]
