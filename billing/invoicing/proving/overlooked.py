"""Which earlier periods an invoice had to look at again: those of which events came in between."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.invoicing.models import Invoice
from billing.periods import day_of
from catacloud.accounts.models import Organisation
from eventstore import store


class Metered(NamedTuple):
    """Between which positions an invoice took up whose events."""

    organisation: UUID
    seen: int  # by the invoices before
    until: int


def periods_changed(invoice: Invoice) -> list[Invoice]:
    """Return the earlier invoices in its currency whose periods may have changed since the last of
    them, by the raw events alone: those of the organisation, and of who shared prices with it.

    And those in place of a void one, for what corrected that one counts for them.
    """
    earlier = list(_earlier(invoice).annotate(replaces=Exists(REPLACED)))
    since = _since(list(_metered(invoice, earlier)))
    return [
        one
        for one in earlier
        if one.replaces
        or any(
            day is None or day < one.ends_on
            for whose, day in since.items()
            if whose == one.organisation_id or str(whose) in one.metered_others
        )
    ]


REPLACED = Invoice.objects.filter(
    organisation=OuterRef("organisation"),
    starts_on=OuterRef("starts_on"),
    voided_at__lte=OuterRef("issued_at"),
)


def _earlier(invoice: Invoice) -> QuerySet[Invoice]:
    return Invoice.objects.filter(
        Q(voided_at=None) | Q(voided_at__gt=invoice.issued_at),
        organisation=invoice.organisation_id,
        currency=invoice.currency,
        pk__lt=invoice.pk,
    ).order_by("starts_on", "pk")


def _metered(invoice: Invoice, earlier: Sequence[Invoice]) -> Iterator[Metered]:
    """Yield what it took up of each one whose events count in earlier periods."""
    own = [one.metered_until for one in earlier if one.metered_until is not None]
    if own and invoice.metered_until is not None:
        yield Metered(invoice.organisation_id, max(own), invoice.metered_until)
    for mate, until in invoice.metered_others.items():
        if its := [one.metered_others[mate] for one in earlier if mate in one.metered_others]:
            yield Metered(UUID(mate), max(its), until)


def _since(metered: Sequence[Metered]) -> dict[UUID, date | None]:
    """Return from which of its days on there are events, of each one with any; None is ever since,
    where some take others back, which may be of any time.
    """
    asked = [one.organisation for one in metered]
    with connection.cursor() as cursor:
        cursor.execute(
            CAME,
            {
                "organisations": asked,
                "partitions": [store.partition_of(one) for one in asked],
                "seen": [one.seen for one in metered],
                "until": [one.until for one in metered],
            },
        )
        rows = cursor.fetchall()
    zones = {one.pk: one.zone for one in Organisation.objects.filter(pk__in=asked)}
    return {
        owner: None if has_voids else day_of(since, zones[owner])
        for owner, since, has_voids in rows
    }


CAME = """
SELECT asked.organisation, min(occurred_at), bool_or(type = 'usage.voided')
FROM unnest(%(organisations)s::uuid[], %(partitions)s::int[], %(seen)s::bigint[],
    %(until)s::bigint[]) AS asked (organisation, partition, seen, until)
JOIN eventstore_storedevent AS event ON tenant_id = organisation
    AND (event.partition, event.position) > (asked.partition, asked.seen)
    AND (event.partition, event.position) <= (asked.partition, asked.until)
GROUP BY asked.organisation
"""
