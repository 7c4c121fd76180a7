"""What an invoice was made of: up to which event usage had been metered, and a digest of it all."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar
from uuid import UUID

import msgspec

from billing.exact import plain
from billing.invoicing.models import Invoice, InvoiceLine
from billing.metering.saga import CONSUMER
from eventstore import store
from eventstore.models import Checkpoint

T = TypeVar("T")


def metered_until(organisations: Collection[UUID]) -> dict[UUID, int]:
    """Return the position up to which each organisation's events are in the tables."""
    partitions = {one: store.partition_of(one) for one in organisations}
    rows = Checkpoint.objects.filter(consumer=CONSUMER, partition__in={*partitions.values()})
    found = dict(rows.values_list("partition", "position"))
    return {one: found.get(partition, 0) for one, partition in partitions.items()}


def settled(organisations: Collection[UUID], read: Callable[[], T]) -> tuple[T, dict[UUID, int]]:
    """Read what hangs on usage, and say up to which position each one's events are in it, all of
    them.

    The saga may go on meanwhile: then it is read again until nothing changes.
    """
    before = metered_until(organisations)
    found = read()
    while (after := metered_until(organisations)) != before:
        again = read()
        if again == found:
            return found, after
        before, found = after, again
    return found, before


def digest(invoice: Invoice, lines: Iterable[InvoiceLine]) -> str:
    """Return the digest of what determines an invoice: whose, which days, which prices, the events
    that had been metered, and the quantities that these came to.
    """
    inputs = [
        str(invoice.organisation_id),
        invoice.starts_on,
        invoice.ends_on,
        invoice.time_zone,
        invoice.currency,
        invoice.plan_version_id,
        invoice.prices_include_tax,
        invoice.metered_until,
        [
            [line.position, line.service_id, line.corrects_id, plain(line.quantity), line.working]
            for line in lines
        ],
    ]
    return hashlib.sha256(msgspec.json.encode(inputs, order="sorted")).hexdigest()
