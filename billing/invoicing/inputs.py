"""What an invoice was made of: up to which event usage had been metered, and a digest of it all."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

import msgspec

from billing.exact import plain
from billing.invoicing.models import Invoice, InvoiceLine
from billing.metering.saga import CONSUMER
from eventstore import store
from eventstore.models import Checkpoint

T = TypeVar("T")


def metered_until(organisation_id: UUID) -> int:
    """Return the position up to which the organisation's events are in the tables."""
    partition = store.partition_of(organisation_id)
    found = Checkpoint.objects.filter(consumer=CONSUMER, partition=partition)
    return found.values_list("position", flat=True).first() or 0


def settled(organisation_id: UUID, read: Callable[[], T]) -> tuple[T, int]:
    """Read what hangs on usage, and say up to which position its events are in it, all of them.

    The saga may go on meanwhile: then it is read again until nothing changes.
    """
    before = metered_until(organisation_id)
    found = read()
    while (after := metered_until(organisation_id)) != before:
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
