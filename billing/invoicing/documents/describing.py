"""Describe invoices, credit notes and drafts as documents."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import repeat
from uuid import UUID

from billing.invoicing.charging.lines import Kind as LineKind
from billing.invoicing.closing.draft_lines import DraftLine
from billing.invoicing.closing.drafting import Draft
from billing.invoicing.documents.document import Document, Kind, Line, Original
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.parties import thawed
from billing.invoicing.settling.after import CreditNote
from billing.invoicing.tax import Category, TaxLine, Treatment, net_amounts
from billing.invoicing.wording.phrases import service_called
from billing.periods import ONE_DAY


def of_invoice(invoice: Invoice) -> Document:
    taxes = _taxes(invoice.taxes, invoice.total)
    lines = list(invoice.lines.select_related("corrects").order_by("position"))
    return Document(
        kind=Kind.INVOICE,
        number=invoice.number,
        language=invoice.language,
        currency=invoice.currency,
        issued_on=invoice.issued_at.date(),
        due_on=invoice.due_on,
        first=invoice.starts_on,
        last=invoice.ends_on - ONE_DAY,
        time_zone=invoice.time_zone,
        plan=str(invoice.plan_version),
        seller=thawed(invoice.seller),
        buyer=thawed(invoice.buyer),
        reference=invoice.reference,
        lines=_lines(lines, taxes, invoice),
        taxes=taxes,
        prices_include_tax=invoice.prices_include_tax,
        credit_used=invoice.credit_used,
    )


def of_credit_note(note: CreditNote) -> Document:
    invoice = note.invoice
    taxes = _taxes(note.taxes, note.total)
    credited = []
    for row in note.lines.select_related("invoice_line__corrects").order_by("position"):
        line = row.invoice_line
        line.position, line.amount, line.quantity = row.position, row.amount, row.quantity
        line.working, line.corrects = [], None
        line.unit = line.unit if row.quantity else ""
        credited.append(line)
    return Document(
        kind=Kind.REVERSAL if note.kind == CreditNote.Kind.VOID else Kind.CREDIT_NOTE,
        number=note.number,
        language=invoice.language,
        currency=invoice.currency,
        issued_on=note.issued_at.date(),
        due_on=None,
        first=invoice.starts_on,
        last=invoice.ends_on - ONE_DAY,
        time_zone=invoice.time_zone,
        plan=str(invoice.plan_version),
        seller=thawed(invoice.seller),
        buyer=thawed(invoice.buyer),
        reference=invoice.reference,
        lines=_lines(credited, taxes, invoice),
        taxes=taxes,
        prices_include_tax=invoice.prices_include_tax,
        original=_original(invoice),
        reason=note.reason,
    )


def of_draft(draft: Draft) -> Document:
    """Describe what an invoice is to say. It has no number, and is not due."""
    today = draft.as_of.date()
    return Document(
        kind=Kind.DRAFT,
        number="",
        language=draft.language,
        currency=draft.currency,
        issued_on=today,
        due_on=None,
        first=draft.days.first,
        last=draft.days.last,
        time_zone=draft.organisation.time_zone,
        plan=str(draft.plan_version),
        seller=draft.seller,
        buyer=draft.buyer,
        reference=draft.reference,
        lines=_lines(draft.lines, draft.taxes, draft),
        taxes=draft.taxes,
        prices_include_tax=draft.prices_include_tax,
        credit_used=draft.credit_used,
    )


def _lines(
    lines: Sequence[InvoiceLine | DraftLine], taxes: Sequence[TaxLine], of: Invoice | Draft
) -> tuple[Line, ...]:
    treatments = {(one.treatment.category, one.treatment.rate): one.treatment for one in taxes}
    treated = [
        treatments.get((Category(line.tax_category), Decimal(line.tax_rate)))
        or Treatment(Category(line.tax_category), Decimal(line.tax_rate))
        for line in lines
    ]
    amounts = [(one, line.amount) for one, line in zip(treated, lines, strict=True)]
    nets = net_amounts(amounts, currency=of.currency, included=of.prices_include_tax)
    places = _places(lines)
    originals = [
        _original(line.corrects, places.get(_charge(line.corrects.pk, line)))
        if line.corrects
        else None
        for line in lines
    ]
    return tuple(map(_line, lines, treated, nets, originals, repeat(of.language)))


_Charge = tuple[int, int | UUID | None, str, str]


def _places(lines: Sequence[InvoiceLine | DraftLine]) -> dict[_Charge, int]:
    """Return where what is corrected stands on its own invoice: in one query, or none."""
    corrected = {line.corrects_id for line in lines if line.corrects_id}
    if not corrected:
        return {}
    kinds = [LineKind.USAGE, LineKind.COMMITMENT, LineKind.DISCOUNT]
    rows = InvoiceLine.objects.filter(invoice__in=corrected, kind__in=kinds)
    return {_charge(row.invoice_id, row): row.position for row in rows}


def _charge(invoice: int, line: InvoiceLine | DraftLine) -> _Charge:
    """Name what a line of an invoice, or its correction, is of: a service, or a discount."""
    return invoice, line.source_id or line.service_id, line.value, line.tax_class


def _line(
    line: InvoiceLine | DraftLine,
    treated: Treatment,
    net: Decimal,
    corrects: Original | None,
    language: str,
) -> Line:
    name = service_called(line.service_name, language) if line.service_id else line.service_name
    is_correction = corrects is not None
    return Line(
        position=line.position,
        text=f"{name}, {line.value}" if line.value else name,
        quantity=line.quantity,
        unit=line.unit,
        amount=line.amount,
        net=net,
        treatment=treated,
        working=line.working,
        corrects=corrects,
        quantity_now=line.quantity_now if is_correction else None,
        amount_now=line.amount_now if is_correction else None,
        before_quantity=line.before_quantity,
        before_amount=line.before_amount,
    )


def _original(invoice: Invoice, line: int | None = None) -> Original:
    last = invoice.ends_on - ONE_DAY
    return Original(invoice.number, invoice.issued_at.date(), invoice.starts_on, last, line)


def _taxes(rows: Iterable[dict[str, str]], total: Decimal) -> list[TaxLine]:
    """Read tax lines back. Invoices from before there was tax have none: they bore none."""
    found = [
        TaxLine(
            Treatment(
                Category(row["category"]), Decimal(row["rate"]), row["reason_code"], row["reason"]
            ),
            Decimal(row["net"]),
            Decimal(row["tax"]),
        )
        for row in rows
    ]
    return found or [TaxLine(Treatment(Category.OUTSIDE_SCOPE), total, Decimal(0))]
