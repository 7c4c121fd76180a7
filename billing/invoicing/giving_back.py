"""Where INVOICE_CORRECTIONS says so, what a period came to less is credited on its own invoice.

What does not fit there, since that line was credited already or never was as much, stays a line of
the next invoice, as all that came to more does.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from billing.exact import ZERO
from billing.invoicing.after import CreditNote
from billing.invoicing.correcting import CorrectionLine
from billing.invoicing.crediting import credit
from billing.invoicing.models import Invoice, InvoiceLine

REASON = "Less was used than was invoiced."


def told_apart(
    lines: Sequence[CorrectionLine],
) -> tuple[list[CorrectionLine], list[CorrectionLine]]:
    """Return which corrections are lines of the next invoice, and which are credited."""
    if settings.INVOICE_CORRECTIONS != "credit-note":
        return list(lines), []
    credited = [line for line in lines if line.amount < 0 and _fits(line)]
    return [line for line in lines if line not in credited], credited


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


def _fits(line: CorrectionLine) -> bool:
    original = _original(line)
    if original is None:
        return False
    credited = original.credit_lines.aggregate(sum=Sum("amount"))["sum"] or ZERO
    return original.amount - credited >= -line.amount


def _original(line: CorrectionLine) -> InvoiceLine | None:
    if line.now.service_id is None:
        return None  # it goes with usage, whose own lines are taken back
    return line.corrects.lines.filter(
        service_id=line.now.service_id,
        value=line.now.value,
        tax_class=line.now.tax_class,
        corrects=None,
        amount__gt=0,
    ).first()
