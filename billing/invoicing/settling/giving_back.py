"""Where INVOICE_CORRECTIONS says so, what a period came to less is credited on its own invoice.

What does not fit there, since that line was credited already or never was as much, stays a line of
the next invoice, as all that came to more does.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from billing.exact import ZERO, exactly
from billing.invoicing.charging.lines import Kind
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling.after import CreditNote
from billing.invoicing.settling.correcting import CorrectionLine
from billing.invoicing.settling.crediting import Amounts, credit, left_of

REASON = "Less was used than was invoiced."


def told_apart(
    lines: Sequence[CorrectionLine],
) -> tuple[list[CorrectionLine], list[CorrectionLine]]:
    """Return which corrections are lines of the next invoice, and which are credited."""
    if settings.INVOICE_CORRECTIONS != "credit-note":
        return list(lines), []
    by_invoice: defaultdict[Invoice, list[CorrectionLine]] = defaultdict(list)
    for line in lines:
        by_invoice[line.corrects].append(line)
    credited = [line for invoice, own in by_invoice.items() for line in _credited(invoice, own)]
    return [line for line in lines if line not in credited], credited


def _credited(invoice: Invoice, lines: Sequence[CorrectionLine]) -> list[CorrectionLine]:
    """Return which lines a credit note takes back: usage, and what of a commitment or of discounts
    goes with it. None where the period did not come to less, or the invoice has not as much left.
    """
    left = left_of(invoice)
    fitting = [line for line in lines if _fits(line, left)]
    with exactly():
        less = -sum((line.amount for line in lines), ZERO)
        taken = -sum((line.amount for line in fitting), ZERO)
        return fitting if less > 0 and 0 < taken <= sum(left.values(), ZERO) else []


def give_back(lines: Sequence[CorrectionLine], *, now: datetime) -> list[CreditNote]:
    """Write one credit note for each invoice that these lines correct."""
    by_invoice: defaultdict[Invoice, list[CorrectionLine]] = defaultdict(list)
    for line in lines:
        by_invoice[line.corrects].append(line)
    return [_credit(invoice, own, now) for invoice, own in by_invoice.items()]


def _credit(invoice: Invoice, lines: Sequence[CorrectionLine], now: datetime) -> CreditNote:
    amounts: dict[int, Decimal] = {}
    quantities: dict[int, Decimal] = {}
    for line in lines:
        if original := _original(line):
            amounts[original.position] = -line.amount
            quantities[original.position] = -line.quantity
    return credit(
        invoice,
        amounts,
        reason=REASON,
        now=now,
        kind=CreditNote.Kind.CORRECTION,
        quantities=quantities,
    )


def _fits(line: CorrectionLine, left: Amounts) -> bool:
    original = _original(line)
    if original is None:
        return False
    whole = left[original.position]
    return min(whole, ZERO) <= -line.amount <= max(whole, ZERO)


def _original(line: CorrectionLine) -> InvoiceLine | None:
    """Return the line of the charge, the commitment or the discount; one of nothing has no room."""
    now = line.now
    lines = line.corrects.lines.filter(
        kind=now.kind, value=now.value, tax_class=now.tax_class, source_id=now.source_id
    ).exclude(amount=0)
    return (lines.filter(service=now.service_id) if now.kind == Kind.USAGE else lines).first()
