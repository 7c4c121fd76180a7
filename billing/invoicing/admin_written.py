"""What the admin shows of an invoice as people read it, where its rows hold data."""

from dataclasses import replace
from decimal import Decimal

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from billing.invoicing.documents import describing
from billing.invoicing.documents.written import Written, WrittenLine, write
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.wording.pen import Pen

ROWS = mark_safe("<br>")


def written(invoice: Invoice) -> Written:
    """Return it in the admin's language, once for all that a page shows of it."""
    kept: Written | None = invoice.__dict__.get("_written")
    if kept is None:
        kept = write(replace(describing.of_invoice(invoice), language=_language()))
        invoice.__dict__["_written"] = kept
    return kept


def money(amount: Decimal, invoice: Invoice) -> str:
    """Write an amount of what an invoice is about."""
    return Pen(_language(), invoice.currency).money(amount)


def seller(invoice: Invoice) -> SafeString:
    return _rows(*((row,) for row in written(invoice).seller))


def buyer(invoice: Invoice) -> SafeString:
    return _rows(*((row,) for row in written(invoice).buyer))


def sums(invoice: Invoice) -> SafeString:
    its = written(invoice)
    return _rows(*((f"{name}: {said}",) for name, said in its.sums), *((one,) for one in its.notes))


def written_line(line: InvoiceLine) -> WrittenLine:
    return written(line.invoice).lines[line.position - 1]


def text(line: InvoiceLine) -> SafeString:
    """What it is for and, of a correction, of which line."""
    its = written_line(line)
    return _rows(*((one,) for one in (its.text, its.note) if one))


def working(line: InvoiceLine) -> SafeString:
    """Each step: what it is about, its quantity, price and amount."""
    return _rows(*((" ".join(filter(None, step)),) for step in written_line(line).steps))


def _language() -> str:
    return get_language() or "en"


def _rows(*rows: tuple[str]) -> SafeString:
    return format_html_join(ROWS, "{}", rows)
