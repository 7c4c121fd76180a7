"""What has changed since in periods that are invoiced: late events, and events that were corrected.

Each of an organisation's invoiced periods is rated as it stands now, on the plan version that it
was invoiced on. Where that is another amount than was invoiced for it so far, the difference is a
line on the next invoice. So all invoices together always come to each period rated once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.exact import ZERO, exactly
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.rate import RatedLine, rate_invoiced
from catacloud.accounts.models import Organisation


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What was invoiced for a service and a period so far: by its invoice, and by later ones."""

    quantity: Decimal = ZERO
    amount: Decimal = ZERO

    def __add__(self, other: "Invoiced") -> "Invoiced":
        with exactly():
            return Invoiced(self.quantity + other.quantity, self.amount + other.amount)


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """By how much a service of an invoiced period costs more now, or less."""

    corrects: Invoice
    now: RatedLine
    before: Invoiced

    @property
    def quantity(self) -> Decimal:
        with exactly():
            return self.now.quantity - self.before.quantity

    @property
    def amount(self) -> Decimal:
        with exactly():
            return self.now.amount - self.before.amount


def corrections(*, organisation: Organisation, now: datetime) -> dict[str, list[CorrectionLine]]:
    """Return a line for each service and invoiced period that comes to another amount now.

    By currency: an invoice takes those in its own, for amounts of two do not add up; the others
    wait for an invoice in theirs.
    """
    invoices = list(Invoice.objects.filter(organisation=organisation).order_by("starts_on", "pk"))
    before = _invoiced(invoices)
    found: dict[str, list[CorrectionLine]] = {}
    for invoice in invoices:
        for rated in rate_invoiced(invoice, now=now).lines:
            line = CorrectionLine(invoice, rated, before[invoice.pk, rated.service_id])
            if line.amount:
                found.setdefault(invoice.currency, []).append(line)
    return found


def total(amounts: Sequence[Decimal]) -> Decimal:
    with exactly():
        return sum(amounts, ZERO)


def _invoiced(invoices: Sequence[Invoice]) -> Mapping[tuple[int, int], Invoiced]:
    """Return what was invoiced so far, by the period's invoice and the service."""
    found: defaultdict[tuple[int, int], Invoiced] = defaultdict(Invoiced)
    lines = InvoiceLine.objects.filter(invoice__in=invoices).values_list(
        "invoice_id", "corrects_id", "service_id", "quantity", "amount"
    )
    for invoice, corrects, service, quantity, amount in lines:
        found[corrects or invoice, service] += Invoiced(quantity, amount)
    return found
