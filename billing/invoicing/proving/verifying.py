"""Verify an invoice: make it anew from the events that it was made of, and compare to the cent.

Usage is counted from the raw events up to the position that had been metered then, and rated at the
prices of the period, the customer's own among them. Fees, commitment, discounts, credit and tax are
worked out again by what had been agreed on until then (deriving.py). The first difference is named.
"""

from collections.abc import Iterator
from decimal import Decimal

from django.utils.translation import gettext, gettext_lazy

from billing.exact import ZERO, exactly, plain
from billing.invoicing.charging.lines import Kind
from billing.invoicing.closing import inputs
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.proving import deriving
from billing.invoicing.tax import NoRate, TaxLine

NAMES = {
    Kind.BASE_FEE: gettext_lazy("a base fee"),
    Kind.COMMITMENT: gettext_lazy("the minimum commitment"),
    Kind.DISCOUNT: gettext_lazy("a discount"),
    Kind.CREDIT: gettext_lazy("a credit"),
}


def verify(invoice: Invoice) -> str | None:
    """Return the first difference, in words; None where there is none."""
    return next(differences(invoice), None)


def differences(invoice: Invoice) -> Iterator[str]:
    """Yield whatever is not as the events, and what was agreed on by then, make it.

    A void invoice is only added up: its days may have been agreed on anew since.
    """
    lines = list(invoice.lines.select_related("service", "corrects").order_by("position"))
    yield from _sums(invoice, lines)
    if invoice.metered_until is None:
        said = gettext(
            "{invoice} is from before invoices kept up to which event usage was metered."
        )
        yield said.format(invoice=invoice)
        return
    if inputs.digest(invoice, lines) != invoice.inputs_digest:
        said = gettext("{invoice}: its inputs have another digest than when it was issued.")
        yield said.format(invoice=invoice)
    if invoice.voided_at:
        return
    yield from _lines(invoice, lines)
    yield from _taxes(invoice, lines)
    yield from _payment(invoice)


def _sums(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    with exactly():
        total = sum((line.amount for line in lines), ZERO)
    yield from _compare(invoice, gettext("its total"), invoice.total, total)


def _lines(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    """Compare line by line, and name what is missing; charges make lines, used or not."""
    made = deriving.lines_of(invoice, lines)
    for line in lines:
        name = {"position": line.position, "name": line.service_name}
        quantity, amount, before = made.pop(deriving.key_of(line), deriving.NOTHING)
        what = gettext("the quantity of line {position} ({name})").format(**name)
        yield from _compare(invoice, what, line.quantity_now, quantity)
        what = gettext("the amount of line {position} ({name})").format(**name)
        yield from _compare(invoice, what, line.amount_now, amount)
        if line.before_amount is not None and before is not None:
            what = gettext("what was invoiced before of line {position} ({name})").format(**name)
            yield from _compare(invoice, what, line.before_amount, before)
    for key, missing in made.items():
        what = _missing(key)
        with exactly():
            amount = missing.amount - (missing.before or ZERO)
        yield from _compare(invoice, what, ZERO, amount)


def _missing(key: deriving.Key) -> str:
    what = str(NAMES.get(Kind(key.kind)) or _of_service(key))
    if key.corrects_id is None:
        return what
    said = gettext("{what} in the period of {invoice}")
    return said.format(what=what, invoice=Invoice.objects.get(pk=key.corrects_id))


def _of_service(key: deriving.Key) -> str:
    if not key.service_id:
        return str(key.kind)
    said = gettext("{kind} of service {service}")
    return said.format(kind=key.kind, service=f"{key.service_id} {key.value}".rstrip())


def _taxes(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    if not invoice.taxes:
        return  # it is from before there was tax
    try:
        taxed = deriving.taxation_of(invoice)
        treated = [taxed.of(line.tax_class) for line in lines]
    except NoRate as error:
        yield f"{invoice}: {error}"
        return
    for line, one in zip(lines, treated, strict=True):
        should_be = f"{one.category} {plain(one.rate)} %"
        held = f"{line.tax_category} {plain(line.tax_rate)} %"
        if held != should_be:
            said = gettext(
                "{invoice}: VAT of line {position} is {held}, but should be {should_be}."
            )
            yield said.format(
                invoice=invoice, position=line.position, held=held, should_be=should_be
            )
    taxes = {_name(line): line for line in deriving.taxes_of(invoice, lines, treated)}
    for row in invoice.taxes:
        what = _vat(row["category"], row["rate"])
        made = taxes.pop(what, None)
        yield from _compare(invoice, what, Decimal(row["tax"]), made.tax if made else ZERO)
        on = gettext("{tax} on").format(tax=what)
        yield from _compare(invoice, on, Decimal(row["net"]), made.net if made else ZERO)
    for what, missing in taxes.items():
        yield from _compare(invoice, what, ZERO, missing.tax)
    with exactly():
        tax = sum((Decimal(row["tax"]) for row in invoice.taxes), ZERO)
    yield from _compare(invoice, gettext("its tax"), invoice.tax, tax)


def _payment(invoice: Invoice) -> Iterator[str]:
    """Compare what earlier invoices had left, and what was paid ahead."""
    used = deriving.credit_used(invoice)
    yield from _compare(invoice, gettext("the credit that it uses"), invoice.credit_used, used)
    for what, held, made in deriving.prepaid(invoice):
        yield from _compare(invoice, what, held, made)


def _name(line: TaxLine) -> str:
    return _vat(line.treatment.category, plain(line.treatment.rate))


def _vat(category: str, rate: str) -> str:
    return gettext("VAT {rate}").format(rate=f"{category} {rate} %")


def _compare(invoice: Invoice, what: str, held: Decimal, made: Decimal) -> Iterator[str]:
    if held != made:
        said = gettext("{invoice}: {what} is {held}, but the events make {made}.")
        yield said.format(invoice=invoice, what=what, held=plain(held), made=plain(made))
