"""The data of an invoice by EN 16931, and the check of it by the official rules.

Each line is one item at its net amount: a metered line has many prices, and the standard one. What
was used goes along as the item's attributes.
"""

from decimal import Decimal
from typing import Any

import facturx

from billing.exact import plain
from billing.invoicing.documents.document import Document, Line
from billing.invoicing.documents.official_rules import broken_rules
from billing.invoicing.documents.written import Written, WrittenLine
from billing.invoicing.parties import Party
from billing.invoicing.tax import Category, TaxLine
from billing.invoicing.wording.phrases import say, why_untaxed

LEVEL = "en16931"
INVOICE, CREDIT_NOTE = "380", "381"  # UNTDID 1001
SEPA_TRANSFER = "58"  # UNTDID 4461
ONE_PIECE = "C62"  # Recommendation 20


class BrokenRules(Exception):
    """The data is not as EN 16931 wants it. The message says which rules it breaks."""

    def __init__(self, number: str, broken: list[str]) -> None:
        self.broken = broken
        super().__init__(f"{number} breaks rules of EN 16931: {' '.join(broken)}")


def xml_of(document: Document, written: Written) -> bytes:
    """Return the document as XML (CII), with the texts that it shows. Raises BrokenRules."""
    xml = unchecked(document, written)
    if broken := broken_rules(xml):
        raise BrokenRules(document.number, broken)
    return xml


def unchecked(document: Document, written: Written) -> bytes:
    """Return the document as XML that has its schema's form, and may break rules yet."""
    xml: bytes
    xml = facturx.generate_cii_xml(
        _data(document, written), level=LEVEL, check_xsd=True, check_schematron=None
    )
    return xml


def _data(document: Document, written: Written) -> dict[str, Any]:
    outside = any(one.treatment.category is Category.OUTSIDE_SCOPE for one in document.taxes)
    data = {
        "BT-1": document.number,
        "BT-2": document.issued_on,
        "BT-3": CREDIT_NOTE if document.is_credit else INVOICE,
        "BT-5": document.currency,
        "BT-72": document.last,
        "BT-73": document.first,
        "BT-74": document.last,
        "BG-1": [{"BT-22": " · ".join(f"{name}: {said}" for name, said in written.facts)}],
        "BG-4": _party(document.seller, document, with_vat_id=not outside),
        "BG-7": _party(document.buyer, document, with_vat_id=not outside),
        "BG-23": [_tax(one, document.language) for one in document.taxes],
        "BG-25": _lines(document, written),
        **_sums(document),
        **_payment(document),
    }
    if document.reference:
        data["BT-10"] = document.reference
    if document.original:
        original = document.original
        data["BG-3"] = [{"BT-25": original.number, "BT-26": original.issued_on}]
    return data


def _party(party: Party, document: Document, *, with_vat_id: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": party.name,
        "country_code": party.country or document.seller.country or "DE",
        "identifiers": {None: party.key or party.name},
    }
    for key, value in (
        ("addr_l1", party.street),
        ("postcode", party.postcode),
        ("city", party.city),
        ("vat_identifier", party.vat_id if with_vat_id else ""),
    ):
        if value:
            found[key] = value
    if party.email:
        found |= {"einvoicing_addr": party.email, "einvoicing_addr_schemeid": "EM"}
    return found


def _tax(line: TaxLine, language: str) -> dict[str, Any]:
    treated = line.treatment
    found: dict[str, Any] = {
        "BT-116": _text(line.net),
        "BT-117": _text(line.tax),
        "BT-118": treated.category.value,
    }
    if treated.category is not Category.OUTSIDE_SCOPE:
        found["BT-119"] = plain(treated.rate)
    if treated.category not in (Category.STANDARD, Category.ZERO_RATED):
        found["BT-120"] = why_untaxed(treated.category, treated.reason, language)
        if treated.reason_code:
            found["BT-121"] = treated.reason_code
    return found


def _line(line: Line, written: WrittenLine | None, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {
        "BT-126": str(line.position),
        "BT-129": "1" if line.net >= 0 else "-1",
        "BT-130": ONE_PIECE,
        "BT-131": _text(line.net),
        "BT-146": _text(abs(line.net)),
        "BT-151": line.treatment.category.value,
        "BT-153": line.text,
    }
    if line.treatment.category is not Category.OUTSIDE_SCOPE:
        found["BT-152"] = plain(line.treatment.rate)
    if written and written.note:
        found["BT-154"] = written.note
    if written and line.quantity:
        words = say("Quantity", document.language)
        found["BG-32"] = [{"BT-160": words, "BT-161": written.quantity}]
    return found


def _lines(document: Document, written: Written) -> list[dict[str, Any]]:
    """A document has a line at least, so that of a period without a charge has one of nothing."""
    if not document.lines:
        treated, zero = document.taxes[0].treatment, Decimal(0)
        return [_line(Line(1, written.title, zero, "", zero, zero, treated), None, document)]
    pairs = zip(document.lines, written.lines, strict=True)
    return [_line(line, said, document) for line, said in pairs]


def _sums(document: Document) -> dict[str, str]:
    return {
        "BT-106": _text(document.net),
        "BT-109": _text(document.net),
        "BT-110": _text(document.tax),
        "BT-112": _text(document.gross),
        "BT-113": _text(document.credit_used),
        "BT-115": _text(document.to_pay),
    }


def _payment(document: Document) -> dict[str, Any]:
    seller = document.seller
    found: dict[str, Any] = {}
    if document.due_on:
        found["BT-9"] = document.due_on
    else:
        found["BT-20"] = say("The amount is set against what you owe.", document.language)
    if seller.iban:
        found |= {"BT-81": SEPA_TRANSFER, "BT-84": seller.iban, "BT-85": seller.name}
        found["BT-83"] = document.number
        if seller.bic:
            found["BT-86"] = seller.bic
    return found


def _text(amount: Decimal) -> str:
    return plain(amount)
