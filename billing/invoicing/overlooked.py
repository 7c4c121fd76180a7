"""Which earlier periods an invoice had to look at again: those of which events came in between."""

from datetime import datetime

from django.db import connection
from django.db.models import Max, Q, QuerySet

from billing.invoicing.models import Invoice
from billing.periods import day_of
from catacloud.accounts.models import Organisation
from eventstore import store


def periods_changed(invoice: Invoice) -> list[Invoice]:
    """Return the earlier invoices in its currency whose periods the organisation's own events may
    have changed since the last of them, by the raw events alone. What others in its volume account
    used is not looked for.
    """
    earlier = _earlier(invoice)
    seen = earlier.aggregate(seen=Max("metered_until"))["seen"]
    if seen is None:
        return []
    since, has_voids = _came(invoice, seen)
    if has_voids:  # whatever they take back may be of any time
        return list(earlier)
    if since is None:
        return []
    zone = Organisation.objects.get(pk=invoice.organisation_id).zone
    return list(earlier.filter(ends_on__gt=day_of(since, zone)))


def _earlier(invoice: Invoice) -> QuerySet[Invoice]:
    return Invoice.objects.filter(
        Q(voided_at=None) | Q(voided_at__gt=invoice.issued_at),
        organisation=invoice.organisation_id,
        currency=invoice.currency,
        pk__lt=invoice.pk,
    ).order_by("starts_on", "pk")


def _came(invoice: Invoice, seen: int) -> tuple[datetime | None, bool | None]:
    """Return from when the earliest event between two positions is, and whether any takes others
    back.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CAME,
            {
                "partition": store.partition_of(invoice.organisation_id),
                "seen": seen,
                "until": invoice.metered_until,
                "organisation": invoice.organisation_id,
            },
        )
        since, has_voids = cursor.fetchone()
        return since, has_voids


CAME = """
SELECT min(occurred_at), bool_or(type = 'usage.voided') FROM eventstore_storedevent
WHERE (partition, position) > (%(partition)s, %(seen)s)
    AND (partition, position) <= (%(partition)s, %(until)s) AND tenant_id = %(organisation)s
"""
