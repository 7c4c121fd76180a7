"""What a period would have come to besides its usage, had all of that been known. Pure.

Late usage changes what a commitment was short of, and what discounts take off: the difference of
both goes with that of the usage, so the corrections of a period come to what its invoice would have
been, less what it was. Base fees hang on no usage, and credit is set against what is billed now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from billing.exact import ZERO
from billing.invoicing.charging.bill import Commitment, Discount, make_bill
from billing.invoicing.charging.lines import Kind, Line, fee

Key = tuple[UUID | None, str]
"""Which line: a discount's id, or None for that of the commitment; and its tax class."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a period was billed by: its lines of base fees, what it must come to, its discounts."""

    fees: Sequence[Line] = ()
    commitment: Commitment | None = None
    discounts: Sequence[Discount] = ()


class Change(NamedTuple):
    """A line as it is now, and the amount that was invoiced of it so far. It has no quantity."""

    now: Line
    before: Decimal


def lines_beside(usage: Iterable[Line], terms: Terms, *, currency: str) -> Mapping[Key, Line]:
    """Return the lines of commitment and discounts that the bill of this usage has."""
    bill = make_bill(
        [*usage, *terms.fees],
        currency=currency,
        commitment=terms.commitment,
        discounts=terms.discounts,
    )
    kinds = (Kind.COMMITMENT, Kind.DISCOUNT)
    return {(line.source_id, line.tax_class): line for line in bill.lines if line.kind in kinds}


def beside_usage(
    usage: Iterable[Line],
    terms: Terms,
    *,
    invoiced: Mapping[Key, tuple[str, Decimal]],
    currency: str,
) -> Iterator[Change]:
    """Yield the commitment and each discount that comes to another amount with this usage.

    ``invoiced`` has the text and amount of those that were invoiced so far.
    """
    now = lines_beside(usage, terms, currency=currency)
    for key in [*invoiced, *(key for key in now if key not in invoiced)]:
        text, before = invoiced.get(key, ("", ZERO))
        source, tax_class = key
        nothing = replace(fee(Kind.DISCOUNT, text, ZERO), source_id=source, tax_class=tax_class)
        line = now.get(key) or nothing
        if line.amount != before:
            yield Change(replace(line, service_id=None, quantity=ZERO, working=()), before)
