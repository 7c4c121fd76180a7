"""The lines of a draft: what the rows of an invoice's lines will say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.exact import ZERO, exactly, plain
from billing.invoicing.charging.bill import Bill
from billing.invoicing.charging.lines import Kind, Line, Share
from billing.invoicing.closing.texts import text_of
from billing.invoicing.models import Invoice
from billing.invoicing.settling.correcting import CorrectionLine
from billing.invoicing.tax import Category
from billing.invoicing.wording.pen import Pen
from billing.pricing.tiers import Step


@dataclass(slots=True, kw_only=True)
class DraftLine:
    """As an InvoiceLine, which takes ten times as long to make, and previews are all made of these.

    ``position`` and tax are told once all lines are there, ``invoice_id`` once it is issued.
    """

    kind: str
    service_id: int | None
    service_name: str
    source_id: UUID | None
    covers_from: date | None
    value: str
    quantity: Decimal
    unit: str
    amount: Decimal
    tax_class: str
    working: list[dict[str, Any]]
    corrects: Invoice | None = None
    before_quantity: Decimal | None = None
    before_amount: Decimal | None = None
    invoice_id: int | None = None
    position: int = 0
    tax_category: Category = Category.OUTSIDE_SCOPE
    tax_rate: Decimal = ZERO

    @property
    def corrects_id(self) -> int | None:
        return self.corrects.pk if self.corrects else None

    @property
    def amount_now(self) -> Decimal:
        with exactly():
            return self.amount + (self.before_amount or ZERO)

    @property
    def quantity_now(self) -> Decimal:
        with exactly():
            return self.quantity + (self.before_quantity or ZERO)


def lines_of(bill: Bill, corrected: Sequence[CorrectionLine], pen: Pen) -> list[DraftLine]:
    """Return them; what is corrected comes in the order in which the bill has it."""
    to_come = iter(corrected)
    lines = []
    for line in bill.lines:
        drafted = _line(line, pen)
        if line.kind is Kind.CORRECTION:
            its = next(to_come)
            drafted.corrects = its.corrects
            drafted.before_quantity, drafted.before_amount = its.before.quantity, its.before.amount
        lines.append(drafted)
    return lines


def _line(line: Line, pen: Pen) -> DraftLine:
    return DraftLine(
        kind=line.kind.value,
        service_id=line.service_id,
        service_name=text_of(line, pen),
        source_id=line.source_id,
        covers_from=line.covers.first if line.covers else None,
        value=line.value,
        quantity=line.quantity,
        unit=line.unit,
        amount=line.amount,
        tax_class=line.tax_class,
        working=[_working(step) for step in line.working],
    )


def _working(step: Step | Share) -> dict[str, str | int | None]:
    if isinstance(step, Share):
        return {
            "kind": "share",
            "line": step.line,
            "quantity": plain(step.quantity),
            "unit_price": plain(step.unit_price),
            "amount": plain(step.amount),
        }
    return {
        "kind": step.kind,
        "from": plain(step.start),
        "up_to": None if step.up_to is None else plain(step.up_to),
        "quantity": plain(step.quantity),
        "unit_price": plain(step.unit_price),
        "amount": plain(step.amount),
    }
