"""Which months of an organisation are closed, and since when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection

from billing.invoicing.models import Invoice, Subscription
from billing.periods import Days, month_of
from catacloud.accounts.models import Organisation


def to_archive(organisation: Organisation, *, now: datetime, after: timedelta) -> Iterator[Days]:
    """Yield the months with usage that have been closed for longer than ``after``, in order."""
    first = _first_usage(organisation)
    if first is None:
        return
    month = month_of(first.astimezone(UTC).date())
    while month.ends_at + after <= now:
        closed = closed_at(organisation, month)
        if closed and closed + after <= now:
            yield month
        month = month_of(month.end)


def closed_at(organisation: Organisation, month: Days) -> datetime | None:
    """Return when a month was invoiced, or ended where nobody is invoiced; None before that."""
    invoice = Invoice.objects.filter(
        organisation=organisation, starts_on__lte=month.first, ends_on__gte=month.end
    ).first()
    if invoice:
        return invoice.issued_at
    subscribed = Subscription.objects.filter(organisation=organisation, starts_on__lt=month.end)
    return None if subscribed.exists() else month.ends_at


def _first_usage(organisation: Organisation) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(FIRST_USAGE, [organisation.pk])
        row: tuple[datetime] | None = cursor.fetchone()
    return row[0] if row else None


FIRST_USAGE = """
SELECT occurred_at FROM eventstore_storedevent
WHERE tenant_id = %s AND type = 'usage.recorded' ORDER BY occurred_at LIMIT 1
"""
