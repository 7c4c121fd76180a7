"""Accounts with charges and usage, made by the thousand, for the measures of closing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import connection

from billing.invoicing.models import Subscription
from billing.metering.folding.saga import CONSUMER
from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.periods import Days
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation
from eventstore import feed
from eventstore.models import Checkpoint
from tests.factories import make_plan, make_seller, make_service

CHARGES, LEVELS = 8, 2
DAYS = (3, 17)  # of each month, on which something is used
BATCH = 5000
CREATED = datetime(2024, 1, 1, tzinfo=UTC)


def make_accounts(count: int, *, first: date, months: Sequence[Days] = ()) -> list[UUID]:
    """Make accounts on one plan of eight charges, which use all of it in each of the months."""
    make_seller()
    services = [make_service(level=number < LEVELS) for number in range(CHARGES)]
    version = make_version(services, "0.10")
    accounts = [
        Organisation(slug=f"account-{n}", name=f"Account {n}", created_at=CREATED)
        for n in range(count)
    ]
    Organisation.objects.bulk_create(accounts, BATCH)
    Subscription.objects.bulk_create(
        (Subscription(organisation=one, plan_version=version, starts_on=first) for one in accounts),
        BATCH,
    )
    _use(accounts, services, [days.first.replace(day=day) for days in months for day in DAYS])
    for partition in feed.partitions():
        Checkpoint.objects.create(consumer=CONSUMER, partition=partition, position=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself in time
    return [one.pk for one in accounts]


def make_version(services: Sequence[Service], price: str) -> PlanVersion:
    return make_plan(prices={one: [("100", price), (None, "0.05")] for one in services})


def _use(
    accounts: Sequence[Organisation], services: Sequence[Service], days: Sequence[date]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            USE,
            {
                "accounts": [one.pk for one in accounts],
                "services": [one.pk for one in services],
                "days": list(days),
            },
        )


USE = f"""
INSERT INTO {DailyUsage._meta.db_table}
    (organisation_id, service_id, day, quantity, area, event_count)
SELECT account, service, day, 3600 * (10 + number %% 200), 0, 1
FROM unnest(%(accounts)s::uuid[]) WITH ORDINALITY AS accounts (account, number),
    unnest(%(services)s::bigint[]) AS services (service), unnest(%(days)s::date[]) AS days (day)
"""
