"""What an invoice was made of: up to which event usage had been metered, and a digest of it all."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from billing.exact import plain
from billing.invoicing.closing.draft_lines import DraftLine
from billing.invoicing.models import Invoice, InvoiceLine
from billing.metering.folding.saga import CONSUMER
from billing.prepared import prepared
from billing.together import Reading, together
from eventstore import store
from eventstore.models import Checkpoint

T = TypeVar("T")


def settled(
    reader: Callable[[], Reading[T]], whose: Callable[[T], Collection[UUID]]
) -> Reading[tuple[T, dict[UUID, int]]]:
    """Read what hangs on usage, and up to which position the events of each one whose usage it is
    are in it, all of them.

    The saga may go on meanwhile: then it is read again until nothing changes.
    """
    before, found = yield from together(_checkpoints(), reader())
    while _of(whose(found), after := (yield from _checkpoints())) != _of(whose(found), before):
        again = yield from reader()
        if again == found:
            return found, _of(whose(found), after)
        before, found = after, again
    return found, _of(whose(found), before)


def _checkpoints() -> Reading[Mapping[int, int]]:
    """Read the position up to which each partition's events are in the tables."""
    [found] = yield [_positions()]
    return dict(found)


@prepared
def _positions() -> QuerySet[Checkpoint, tuple[int, int]]:
    return Checkpoint.objects.filter(consumer=CONSUMER).values_list("partition", "position")


def _of(organisations: Collection[UUID], checkpoints: Mapping[int, int]) -> dict[UUID, int]:
    return {one: checkpoints.get(store.partition_of(one), 0) for one in organisations}


def digest(invoice: Invoice, lines: Iterable[InvoiceLine | DraftLine]) -> str:
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
        *([invoice.metered_others] if invoice.metered_others else []),
        [
            [line.position, line.service_id, line.corrects_id, plain(line.quantity), line.working]
            for line in lines
        ],
    ]
    return hashlib.sha256(msgspec.json.encode(inputs, order="sorted")).hexdigest()
