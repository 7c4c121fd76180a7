"""The accounts of the soak: usage from events, discounts for one invoice, money paid ahead."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from billing.accounts import commands, discounts
from billing.invoicing.models import Subscription
from billing.metering.folding import saga
from billing.metering.ingesting import ingestion
from billing.periods import month_of
from catacloud.accounts.models import ApiKey, Organisation
from eventstore import feed
from tests.billing.accounts.agreeing import agreed
from tests.factories import make_plan, make_seller, make_service

MONTH = month_of(date(2026, 10, 1))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
EARLIER = datetime(2026, 9, 1, tzinfo=UTC)
KINDS = ("sum", "level", "max", "count")
REQUEST = 2000  # events
EACH_TENTH, EACH_SEVENTH = 10, 7


def make(count: int) -> None:
    """Make them, their usage metered up to the last event."""
    make_seller()
    services = [make_service(slug=kind, aggregation=kind, unit_size=1) for kind in KINDS]
    version = make_plan(prices={one: [("100", "0.10"), (None, "0.05")] for one in services})
    accounts = Organisation.objects.bulk_create(
        Organisation(slug=f"account-{n}", name=f"Account {n}", created_at=EARLIER)
        for n in range(count)
    )
    Subscription.objects.bulk_create(
        Subscription(organisation=one, plan_version=version, starts_on=MONTH.first)
        for one in accounts
    )
    for one in accounts[::EACH_TENTH]:
        discounts.grant(
            agreed(one, now=EARLIER),
            starts_on=MONTH.first,
            text="Welcome",
            rate=Decimal("0.1"),
            periods=1,
        )
    for one in accounts[::EACH_SEVENTH]:
        commands.add_credit(
            agreed(one, now=EARLIER), kind="prepaid", amount=Decimal(5), currency="EUR"
        )
    _use(count)


def _use(count: int) -> None:
    key = ApiKey(organisation=None, prefix="soak")
    events = list(_events(count))
    for start in range(0, len(events), REQUEST):
        body = msgspec.json.encode(events[start : start + REQUEST])
        ingestion.accept(ingestion.parse(body), key=key, now=NOW)
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


def _events(count: int) -> Iterator[dict[str, object]]:
    """Yield two of each account and service, spread over the month."""
    for number in range(count * len(KINDS) * 2):
        yield {
            "specversion": "1.0",
            "id": str(number),
            "source": "soak",
            "subject": f"account-{number % count}",
            "type": f"test.{KINDS[number // count % len(KINDS)]}",
            "time": MONTH.starts_at + timedelta(seconds=number * 7919 % (29 * 86_400)),
            "data": {"quantity": f"{number * 104_729 % 200}.{number % 10}"},
        }
