"""Closing a month of many accounts, as a worker does it: with numbers, lines, and all guards.

Beside it the bare inserts: the same rows, made ready before, in transactions of the same size.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import connection, transaction

from billing.invoicing.closing.close import CLOSED_TOGETHER, close_periods
from billing.invoicing.models import Invoice, InvoiceLine
from billing.periods import month_of
from tests.benchmarks.billing.accounts import make_accounts
from tests.benchmarks.harness import Bar, Measure, Options, at_least
from tests.emptying import empty

ACCOUNTS, SPEED = 10_000, 250
OCTOBER, NOW = month_of(date(2026, 10, 1)), datetime(2026, 11, 3, tzinfo=UTC)


def closing(name: str, options: Options) -> Iterator[Measure]:
    """One worker; then half as many accounts: the speed must be the same."""
    count = max(200, int(ACCOUNTS * options.scale))
    ours, raw = _closed(count)
    enough = Bar(f"≥ {SPEED} a second", lambda measure: measure.ours >= SPEED)
    yield Measure(f"{name}: {count:,} accounts", "accounts/s", ours, raw, bars=[enough])
    half, _ = _closed(count // 2)
    yield Measure(f"{name}: twice as many", "accounts/s", ours, half, bars=[at_least(0.8)])


def _closed(count: int) -> tuple[float, float]:
    """Return how many accounts a second are closed, and how many have their rows inserted."""
    try:
        accounts = make_accounts(count, first=OCTOBER.first, months=[OCTOBER])
        close_periods(organisations=accounts[:1], days=OCTOBER, now=NOW)  # what is made once
        start = time.perf_counter()
        for some in _batches(accounts[1:]):
            close_periods(organisations=some, days=OCTOBER, now=NOW)
        ours = (count - 1) / (time.perf_counter() - start)
        return ours, _inserted(count)
    finally:
        empty()


def _batches(accounts: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(accounts), CLOSED_TOGETHER):
        yield accounts[start : start + CLOSED_TOGETHER]


def _inserted(count: int) -> float:
    """Insert the same rows into tables like those, without guards."""
    invoices = list(Invoice.objects.order_by("pk"))
    lines = {one.pk: list[InvoiceLine]() for one in invoices}
    for line in InvoiceLine.objects.order_by("pk"):
        lines[line.invoice_id].append(line)
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("TRUNCATE billing_invoice, billing_invoiceline CASCADE")
    start = time.perf_counter()
    for first in range(0, len(invoices), CLOSED_TOGETHER):
        some = invoices[first : first + CLOSED_TOGETHER]
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
            Invoice.objects.bulk_create(some)
            InvoiceLine.objects.bulk_create([line for one in some for line in lines[one.pk]])
    return count / (time.perf_counter() - start)
