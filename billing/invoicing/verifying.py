"""Verify an invoice: make it anew from the events that it was made of, and compare to the cent.

Usage is counted from the raw events up to the position that had been metered then, and rated at the
prices of the period, the customer's own among them; what discounts and credit take off, taxes and
sums are added up again. The first difference is named.
"""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.exact import ZERO, exactly, plain
from billing.invoicing import inputs
from billing.invoicing.lines import Kind
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.rate import rate_invoiced
from billing.invoicing.recounted import Recount
from billing.invoicing.tax import Category, Treatment, tax_lines


def verify(invoice: Invoice) -> str | None:
    """Return the first difference, in words; None where there is none."""
    return next(differences(invoice), None)


def differences(invoice: Invoice) -> Iterator[str]:
    """Yield whatever is not as the events and the versions in force make it."""
    lines = list(invoice.lines.select_related("service", "corrects").order_by("position"))
    yield from _sums(invoice, lines)
    if invoice.metered_until is None:
        yield f"{invoice} is from before invoices kept up to which event usage was metered."
        return
    if inputs.digest(invoice, lines) != invoice.inputs_digest:
        yield f"{invoice}: its inputs have another digest than when it was issued."
    yield from _shares(invoice, lines)
    yield from _usage(invoice, lines, invoice.metered_until)


def _sums(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    with exactly():
        total = sum((line.amount for line in lines), ZERO)
    yield from _compare(invoice, "its total", invoice.total, total)
    if not invoice.taxes:
        return
    included, currency = invoice.prices_include_tax, invoice.currency
    amounts = [
        (Treatment(Category(one.tax_category), one.tax_rate.normalize()), one.amount)
        for one in lines
    ]
    made = {
        (line.treatment.category.value, plain(line.treatment.rate)): line
        for line in tax_lines(amounts, currency=currency, included=included)
    }
    for row in invoice.taxes:
        line = made.get((row["category"], row["rate"]))
        what = f"VAT {row['category']} {row['rate']} %"
        yield from _compare(invoice, what, Decimal(row["tax"]), line.tax if line else ZERO)


def _shares(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    """Add up what discounts and credits took off each line."""
    for line in lines:
        if line.kind in (Kind.DISCOUNT, Kind.CREDIT):
            with exactly():
                taken = sum((Decimal(share["amount"]) for share in line.working), ZERO)
            yield from _compare(invoice, f"line {line.position}", line.amount, taken)


def _usage(invoice: Invoice, lines: list[InvoiceLine], until: int) -> Iterator[str]:
    """Rate the period anew, and each one that lines correct; charges make lines, used or not."""
    by_period: dict[Invoice, list[InvoiceLine]] = {invoice: []}
    for line in lines:
        if line.kind in (Kind.USAGE, Kind.CORRECTION):
            by_period.setdefault(line.corrects or invoice, []).append(line)
    for period, own in by_period.items():
        recount = Recount(until, ZoneInfo(period.time_zone))
        rated = rate_invoiced(period, now=invoice.issued_at, used_by=recount)
        made = {(one.service_id, one.value): one for one in rated.lines}
        for line in own:
            what = f"line {line.position} ({line.service_name})"
            one = made.pop((line.service_id or 0, line.value), None)
            quantity, amount = (one.quantity, one.amount) if one else (ZERO, ZERO)
            yield from _compare(invoice, f"the quantity of {what}", line.quantity_now, quantity)
            yield from _compare(invoice, f"the amount of {what}", line.amount_now, amount)
        if period == invoice:
            for one in made.values():
                yield from _compare(invoice, f"{one.service_name}", ZERO, one.amount)


def _compare(invoice: Invoice, what: str, held: Decimal, made: Decimal) -> Iterator[str]:
    if held != made:
        yield f"{invoice}: {what} is {plain(held)}, but the events make {plain(made)}."
