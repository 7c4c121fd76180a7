"""Credit notes: take an invoice back, all of it or in part, with a document of its own."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext

from billing.exact import ROUNDING, ZERO, exactly, plain
from billing.invoicing import numbering
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling.after import CreditNote, CreditNoteLine
from billing.invoicing.tax import (
    Category,
    TaxLine,
    Treatment,
    gross_of,
    rounded_together,
    tax_lines,
    tax_of,
    tax_rows,
)
from billing.metering import changed
from billing.pricing.currencies import round_amount
from catacloud.accounts.models import Organisation

Amounts = Mapping[int, Decimal]
"""What to take back, by the position of the line. Signs are those of the invoice."""


class CannotCredit(Exception):
    """That cannot be taken back. The message says why."""


class IsVoid(CannotCredit):
    def __init__(self, invoice: Invoice) -> None:
        why = gettext("Invoice {invoice} is void: nothing is left to take back.")
        super().__init__(why.format(invoice=invoice))


class NothingLeft(CannotCredit):
    def __init__(self, invoice: Invoice) -> None:
        why = gettext("Invoice {invoice} has been taken back as a whole already.")
        super().__init__(why.format(invoice=invoice))


class TooMuch(CannotCredit):
    def __init__(self, what: str, asked: Decimal, left: Decimal, currency: str) -> None:
        why = gettext("Of {what} {left} {currency} can be taken back, not {asked}.")
        super().__init__(
            why.format(what=what, left=plain(left), currency=currency, asked=plain(asked))
        )


class HasPayments(CannotCredit):
    def __init__(self, invoice: Invoice) -> None:
        why = gettext(
            "Invoice {invoice} has payments: credit it, or record that they were paid back."
        )
        super().__init__(why.format(invoice=invoice))


def credit(
    invoice: Invoice,
    amounts: Amounts | None,
    *,
    reason: str,
    now: datetime,
    kind: str = CreditNote.Kind.CREDIT,
    quantities: Mapping[int, Decimal] | None = None,
) -> CreditNote:
    """Take some amounts of lines back, or (None) all that is left.

    Raises CannotCredit; nothing is written then, and no number is spent.
    """
    with transaction.atomic():
        invoice = _locked(invoice)
        left = left_of(invoice)
        wanted = {at: one for at, one in (left if amounts is None else amounts).items() if one}
        if not wanted and kind != CreditNote.Kind.VOID:  # an invoice of nothing can be void, too
            raise NothingLeft(invoice)
        for position, amount in wanted.items():
            _check(invoice, position, amount, left)
        return _write(invoice, wanted, quantities or {}, reason=reason, now=now, kind=kind)


def shares(invoice: Invoice, amount: Decimal) -> Amounts:
    """Return the lines' shares of an amount of the invoice's total, as far as it is left.

    Raises TooMuch.
    """
    left = left_of(invoice)
    with exactly():
        whole = sum(left.values(), ZERO)
        if not 0 < amount <= whole:
            raise TooMuch(
                gettext("invoice {invoice}").format(invoice=invoice),
                amount,
                whole,
                invoice.currency,
            )
        ideal = [ROUNDING.divide(one * amount, whole) for one in left.values()]
    parts = rounded_together(ideal, round_amount(amount, invoice.currency), invoice.currency)
    return dict(zip(left, parts, strict=True))


def void(invoice: Invoice, *, reason: str, now: datetime) -> CreditNote:
    """Reverse an invoice as a whole. Its period can be invoiced again.

    Raises CannotCredit.
    """
    with transaction.atomic():
        invoice = _locked(invoice)
        if (invoice.payments.aggregate(paid=Sum("amount"))["paid"] or ZERO) != 0:
            raise HasPayments(invoice)
        note = credit(invoice, None, reason=reason, now=now, kind=CreditNote.Kind.VOID)
        Invoice.objects.filter(pk=invoice.pk).update(voided_at=now)
        _correct_again(invoice)
        return note


def _correct_again(invoice: Invoice) -> None:
    """Let the periods that a void invoice corrected be corrected again."""
    starts = invoice.lines.filter(corrects__isnull=False).values_list("corrects__starts_on")
    changed.note(invoice.organisation_id, {day.replace(day=1) for (day,) in starts})


def _locked(invoice: Invoice) -> Invoice:
    """Queue behind whoever closes a period of the organisation or takes something back of it."""
    Organisation.objects.select_for_update(no_key=True).get(pk=invoice.organisation_id)
    invoice = Invoice.objects.select_related("legal_entity").get(pk=invoice.pk)
    if invoice.voided_at:
        raise IsVoid(invoice)
    return invoice


def left_of(invoice: Invoice) -> dict[int, Decimal]:
    """Return what of each line has not been taken back, by its position."""
    lines = invoice.lines.annotate(credited=Sum("credit_lines__amount")).order_by("position")
    with exactly():
        return {line.position: line.amount - (line.credited or ZERO) for line in lines}


def _check(invoice: Invoice, position: int, amount: Decimal, left: Mapping[int, Decimal]) -> None:
    if position not in left:
        why = gettext("Invoice {invoice} has no line {position}.")
        raise CannotCredit(why.format(invoice=invoice, position=position))
    limit = left[position]
    if not min(limit, ZERO) <= amount <= max(limit, ZERO):
        what = gettext("line {position} of {invoice}").format(position=position, invoice=invoice)
        raise TooMuch(what, amount, limit, invoice.currency)


def _write(
    invoice: Invoice,
    wanted: Amounts,
    quantities: Mapping[int, Decimal],
    *,
    reason: str,
    now: datetime,
    kind: str,
) -> CreditNote:
    lines = {line.position: line for line in invoice.lines.filter(position__in=wanted)}
    taxes = _taxes(invoice, [(lines[at], amount) for at, amount in wanted.items()])
    with exactly():
        total = sum(wanted.values(), ZERO)
    tax, gross = tax_of(taxes), gross_of(taxes)
    _check_whole(invoice, gross)
    note = CreditNote.objects.create(
        invoice=invoice,
        legal_entity=invoice.legal_entity,
        number=numbering.credit_note_number(invoice.legal_entity, now),
        kind=kind,
        reason=reason,
        total=total,
        taxes=tax_rows(taxes),
        tax=tax,
        gross=gross,
        line_count=len(wanted),
        issued_at=now,
    )
    CreditNoteLine.objects.bulk_create(
        CreditNoteLine(
            credit_note=note,
            position=position,
            invoice_line=lines[at],
            amount=wanted[at],
            quantity=quantities.get(at, ZERO),
        )
        for position, at in enumerate(sorted(wanted), 1)
    )
    return note


def _check_whole(invoice: Invoice, gross: Decimal) -> None:
    with exactly():
        left = invoice.gross - sum((one.gross for one in invoice.credit_notes.all()), ZERO)
    if not min(left, ZERO) <= gross <= max(left, ZERO):
        raise TooMuch(
            gettext("invoice {invoice}").format(invoice=invoice), gross, left, invoice.currency
        )


def _taxes(invoice: Invoice, taken: list[tuple[InvoiceLine, Decimal]]) -> list[TaxLine]:
    """Return the tax of what is taken back: that of all that was taken back until now, less what
    earlier notes had of it. So notes that take back everything take back all of the tax.
    """
    before = [
        (_treatment(one.invoice_line), one.amount)
        for one in CreditNoteLine.objects.filter(credit_note__invoice=invoice).select_related(
            "invoice_line"
        )
    ]
    now = [(_treatment(line), amount) for line, amount in taken]
    included, currency = invoice.prices_include_tax, invoice.currency
    whole = tax_lines([*before, *now], currency=currency, included=included)
    earlier: defaultdict[Treatment, Decimal] = defaultdict(Decimal)
    for line in tax_lines(before, currency=currency, included=included):
        earlier[line.treatment] = line.tax
    reasons = {(row["category"], Decimal(row["rate"])): row for row in invoice.taxes}
    found = []
    with exactly():
        for line in whole:
            amount = sum((one for treated, one in now if treated == line.treatment), ZERO)
            tax = line.tax - earlier[line.treatment]
            if amount:
                row = reasons.get((line.treatment.category, line.treatment.rate), {})
                treated = Treatment(
                    line.treatment.category,
                    line.treatment.rate,
                    row.get("reason_code", ""),
                    row.get("reason", ""),
                )
                found.append(TaxLine(treated, amount - tax if included else amount, tax))
    return found


def _treatment(line: InvoiceLine) -> Treatment:
    return Treatment(Category(line.tax_category), line.tax_rate.normalize())
