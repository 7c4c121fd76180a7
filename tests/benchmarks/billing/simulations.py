"""The simulation of a migration: the last year of many customers, rated anew by two workers."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from django.db import connection, transaction

from billing.invoicing.closing.close import CLOSED_TOGETHER, close_periods
from billing.invoicing.models import Invoice, InvoiceLine
from billing.metering.models import Service
from billing.migrating import naming, simulating
from billing.migrating.models import PlanMigration
from billing.periods import Days, month_of
from catacloud.accounts.models import Organisation
from tests.benchmarks.billing.accounts import make_accounts, make_version
from tests.benchmarks.harness import Measure, Options, at_least, at_most
from tests.benchmarks.workers import Team
from tests.emptying import empty

CUSTOMERS, MONTHS = 10_000, 12
WORKERS = 2
SIMULATOR = (sys.executable, "-m", "tests.benchmarks.simulator")
SECONDS = 60
NOW = datetime(2026, 11, 3, tzinfo=UTC)


def simulation(name: str, options: Options) -> Iterator[Measure]:
    """In seconds for all, whatever the scale; beside it the speed with half as many customers."""
    count = max(200, int(CUSTOMERS * options.scale))
    months = [month_of(date(2025, 11, 1))]
    while len(months) < MONTHS:
        months.append(month_of(months[-1].end))
    try:
        accounts = make_accounts(count, first=months[0].first, months=months)
        for start in range(0, count, CLOSED_TOGETHER):
            some = accounts[start : start + CLOSED_TOGETHER]
            close_periods(organisations=some, days=months[0], now=NOW)
        _close_alike(months[1:])
        half = _simulated(count // 2)
        speed = _simulated(count)
    finally:
        empty()
    bars = [at_most(SECONDS, "s")]
    yield Measure(f"{name}: 10,000 × {MONTHS} months", "s", CUSTOMERS / speed, bars=bars)
    yield Measure(f"{name}: twice as many", "customers/s", speed, half, bars=[at_least(0.8)])


def _simulated(count: int) -> float:
    """Return how many customers are simulated a second."""
    services = Service.objects.filter(charge__isnull=False).distinct()
    version = make_version(list(services), "0.20")
    some = Organisation.objects.order_by("pk")[:count]
    migration = PlanMigration(
        to_version=version,
        simulated_periods=MONTHS,
        reason="dearer",
        slugs="\n".join(one.slug for one in some),
    )
    naming.name(migration, now=NOW)
    simulating.begin(migration, now=NOW)
    with Team(SIMULATOR, url=os.environ["DATABASE_URL"], size=WORKERS) as team:
        return team.speed("simulate", migration=str(migration.pk), now=NOW.isoformat())


def _close_alike(months: Sequence[Days]) -> None:
    """Write the invoices of the first month for the others too, which used the same."""
    own = [one.attname for one in Invoice._meta.concrete_fields]
    lines = [one.attname for one in InvoiceLine._meta.concrete_fields]
    changed = {
        "starts_on": "%(first)s",
        "ends_on": "%(end)s",
        "number": "number || '-' || %(first)s",
    }
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
        cursor.execute("CREATE TEMPORARY TABLE alike ON COMMIT DROP AS TABLE billing_invoice")
        for days in months:
            asked = {"first": days.first, "end": days.end}
            cursor.execute(_copied("billing_invoice", "alike", own[1:], changed), asked)
        cursor.execute("""
            CREATE TEMPORARY TABLE lines_alike ON COMMIT DROP AS
            SELECT line.*, made.id AS made FROM billing_invoiceline AS line
            JOIN alike ON alike.id = line.invoice_id
            JOIN billing_invoice AS made USING (organisation_id) WHERE made.id <> alike.id
        """)
        cursor.execute(
            _copied("billing_invoiceline", "lines_alike", lines[1:], {"invoice_id": "made"})
        )
        cursor.execute("ANALYZE")


def _copied(table: str, source: str, columns: Sequence[str], changed: Mapping[str, str]) -> str:
    values = ", ".join(changed.get(one, one) for one in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {source}"
