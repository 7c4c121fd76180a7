"""Write a document out: every text and figure as a person reads it, in the document's language.

Page and PDF both show what is written here, and format nothing themselves. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.exact import ZERO
from billing.invoicing.documents.document import Document, Kind, Line, Original
from billing.invoicing.wording.pen import LOCALES, Pen
from billing.invoicing.wording.phrases import say, why_untaxed

TITLES = {
    Kind.DRAFT: "Draft",
    Kind.INVOICE: "Invoice",
    Kind.CREDIT_NOTE: "Credit note",
    Kind.REVERSAL: "Reversal",
}
STEPS = {
    "allowance": "Allowance",
    "base fee": "Base fee, for a share of the period",
    "cap": "Cap",
    "charged": "Charged before",
    "commitment": "Minimum commitment",
    "counted": "Usage and base fees of the period",
    "discount": "Discount",
    "fee": "Fee for each event",
    "flat fee": "Flat fee",
    "maximum": "Down to the maximum",
    "minimum": "Up to the minimum",
    "package": "Packages",
    "shared": "Less the shares of the others in the volume account",
    "whole fee": "Base fee",
}
NO_DATA = (
    "It carries no data by EN 16931: amounts of that standard have two decimal places, and this "
    "currency has three."
)
PLACES_SHOWN = 3  # of quantities on pages, where one digit more says nothing more
WITH_UNITS = ("units", "allowance")  # kinds of steps that say which units they are about

Pair = tuple[str, str]
Step = tuple[str, str, str, str]
"""What a step is about, its quantity, price and amount."""


@dataclass(frozen=True, slots=True)
class WrittenLine:
    position: int
    text: str
    note: str  # which invoice it corrects, and how it is taxed where not all lines are alike
    quantity: str
    amount: str
    steps: tuple[Step, ...]
    corrects: str = ""  # the number of that invoice
    corrects_line: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """``heads`` are the columns of the lines; ``sums`` end with what is owed, ``notes`` follow."""

    language: str
    title: str
    number: str
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    facts: tuple[Pair, ...]
    heads: tuple[str, ...]
    lines: tuple[WrittenLine, ...]
    sums: tuple[Pair, ...]
    notes: tuple[str, ...]
    bank: tuple[Pair, ...]
    to: str
    page: str


def write(document: Document, *, places: int | None = None) -> Written:
    """Write a document with every digit; or with quantities of so many places, to be looked at."""
    pen = Pen(document.language, document.currency, places)
    return Written(
        language=document.language,
        title=pen.say(TITLES[document.kind]),
        number=document.number,
        seller=tuple(_seller(document)),
        buyer=tuple(_buyer(document)),
        facts=tuple(_facts(document, pen)),
        heads=tuple(map(pen.say, ("Description", "Quantity", "Price", "Amount"))),
        lines=tuple(_line(line, pen, document) for line in document.lines),
        sums=tuple(_sums(document, pen)),
        notes=tuple(_notes(document, pen)),
        bank=tuple(_bank(document, pen)),
        to=pen.say("Billed to"),
        page=pen.say("Page"),
    )


def _seller(document: Document) -> Iterator[str]:
    seller = document.seller
    yield from filter(None, (seller.name, seller.street, seller.place, _country(document)))
    if seller.vat_id:
        yield f"{say('VAT id', document.language)} {seller.vat_id}"
    yield from filter(None, (seller.registration, seller.email))


def _buyer(document: Document) -> Iterator[str]:
    buyer = document.buyer
    yield from filter(None, (buyer.name, buyer.street, buyer.place))
    if buyer.country and buyer.country != document.seller.country:
        yield _territory(buyer.country, document.language)
    if buyer.vat_id:
        yield f"{say('VAT id', document.language)} {buyer.vat_id}"


def _country(document: Document) -> str:
    abroad = document.buyer.country not in ("", document.seller.country)
    return _territory(document.seller.country, document.language) if abroad else ""


def _territory(country: str, language: str) -> str:
    names: Mapping[str, str] = LOCALES.get(language, LOCALES["en"]).territories
    return names.get(country, country)


def _facts(document: Document, pen: Pen) -> Iterator[Pair]:
    if document.kind is not Kind.DRAFT:
        yield pen.say("Issued"), pen.day(document.issued_on)
    if document.due_on and document.to_pay > 0:
        yield pen.say("Due"), pen.day(document.due_on)
    yield pen.say("Period"), pen.days(document.first, document.last)
    yield pen.say("Time zone"), document.time_zone
    yield pen.say("Price plan"), document.plan
    if document.reference:
        yield pen.say("Reference"), document.reference
    if original := document.original:
        verb = "Reverses" if document.kind is Kind.REVERSAL else "Takes back a part of"
        yield pen.say(verb), f"{original.number}, {pen.day(original.issued_on)}"
    if document.reason:
        yield pen.say("Reason"), pen.say(document.reason)


def _line(line: Line, pen: Pen, document: Document) -> WrittenLine:
    steps = [_step(step, line, pen) for step in line.working]
    if line.corrects:
        steps += _since(line, pen)
    return WrittenLine(
        position=line.position,
        text=line.text,
        note=" · ".join(_notes_of(line, pen, document)),
        quantity=_quantity(line, pen),
        amount=pen.money(line.amount),
        steps=tuple(steps),
        corrects=line.corrects.number if line.corrects else "",
        corrects_line=line.corrects.line if line.corrects else None,
    )


def _notes_of(line: Line, pen: Pen, document: Document) -> Iterator[str]:
    """Write which invoice it corrects and, where lines are taxed in several ways, how it is."""
    if line.corrects:
        yield _corrects(line.corrects, pen)
    if len(document.taxes) > 1:
        treated = line.treatment
        rate = f"{pen.say('VAT')} {pen.number(treated.rate)} %"
        yield rate if treated.rate else why_untaxed(treated.category, "", document.language)


def _quantity(line: Line, pen: Pen) -> str:
    if not line.quantity and not line.unit:
        return ""  # of a favour, or of what goes with usage
    if line.corrects is None:
        return pen.amount_of(line.quantity, line.unit)
    sign = "−" if line.quantity < 0 else "+"
    return f"{sign}{pen.amount_of(abs(line.quantity), line.unit)}"


def _corrects(original: Original, pen: Pen) -> str:
    days = pen.days(original.first, original.last)
    line = f", {pen.say('line')} {original.line}" if original.line else ""
    return f"{pen.say('correction of')} {days}, {pen.say('invoice')} {original.number}{line}"


def _since(line: Line, pen: Pen) -> Iterator[Step]:
    """Write of a correction what the charge comes to now, and what was invoiced before."""
    for words, quantity, amount in (
        ("Comes to now, rounded", line.quantity_now, line.amount_now),
        ("Invoiced so far", line.before_quantity, line.before_amount),
    ):
        yield (
            pen.say(words),
            pen.amount_of(quantity or Decimal(0), line.unit) if line.unit else "",
            "",
            pen.money(amount or ZERO) if words != "Invoiced so far" else _less(amount or ZERO, pen),
        )


def _less(amount: Decimal, pen: Pen) -> str:
    return f"{'+' if amount < 0 else '−'} {pen.money(abs(amount))}"


def _step(step: Mapping[str, str | None], line: Line, pen: Pen) -> Step:
    if "line" in step:
        return _taken(step, pen)
    kind = step.get("kind") or "units"
    quantity, price = Decimal(step["quantity"] or 0), Decimal(step["unit_price"] or 0)
    unit = line.unit if kind in WITH_UNITS else ""
    return (
        _about(step, "whole fee" if kind == "base fee" and quantity == 1 else kind, line.unit, pen),
        pen.amount_of(quantity, unit),
        f"× {pen.price(price)}",
        f"= {pen.part(Decimal(step['amount'] or 0))}",
    )


def _taken(step: Mapping[str, str | None], pen: Pen) -> Step:
    """Write what a discount or a credit takes off a line: of a percentage, of how much."""
    rate = Decimal(step["unit_price"] or 0)
    return (
        f"{pen.say('Taken off line')} {step['line']}",
        pen.money(Decimal(step["quantity"] or 0)) if rate else "",
        f"× {pen.percent(rate)}" if rate else "",
        f"= {pen.money(Decimal(step['amount'] or 0))}",
    )


def _about(step: Mapping[str, str | None], kind: str, unit: str, pen: Pen) -> str:
    if kind == "shared" and (whole := step.get("up_to")):  # of how many units, how many are theirs
        theirs, all_of_it = pen.number(Decimal(step["from"] or 0)), Decimal(whole)
        return f"{pen.say(STEPS[kind])}: {theirs} {pen.say('of')} {pen.amount_of(all_of_it, unit)}"
    if kind not in WITH_UNITS:
        return pen.say(STEPS.get(kind, kind.capitalize()))
    units = _units(step, unit, pen)
    return units if kind == "units" else f"{pen.say(STEPS[kind])}: {units}"


def _units(step: Mapping[str, str | None], unit: str, pen: Pen) -> str:
    start, end = Decimal(step.get("from") or 0), step.get("up_to")
    above = f"{pen.say('Above')} {pen.amount_of(start, unit)}"
    if end is None:
        return above if start else pen.say("Every unit")
    up_to = f"{pen.say('Up to')} {pen.amount_of(Decimal(end), unit)}"
    return f"{above} {up_to[0].lower()}{up_to[1:]}" if start else up_to


def _sums(document: Document, pen: Pen) -> Iterator[Pair]:
    yield pen.say("Net"), pen.money(document.net)
    for line in document.taxes:
        if line.treatment.rate:
            rate = f"{pen.number(line.treatment.rate)} %"
            on = f"{pen.say('on')} {pen.money(line.net)}"
            yield f"{pen.say('VAT')} {rate} {on}", pen.money(line.tax)
    yield pen.say("Total"), pen.money(document.gross)
    if document.credit_used:
        yield pen.say("Credit from earlier invoices"), f"− {pen.money(document.credit_used)}"
        yield pen.say("Amount due"), pen.money(document.to_pay)


def _notes(document: Document, pen: Pen) -> Iterator[str]:
    for line in document.taxes:
        treated = line.treatment
        if why := why_untaxed(treated.category, treated.reason, document.language):
            yield why
    if document.prices_include_tax:
        yield pen.say("Prices contain VAT.")
    if not document.fits_en_16931 and document.kind is not Kind.DRAFT:
        yield pen.say(NO_DATA)
    if document.gross < 0 or document.is_credit:
        yield pen.say("The amount is set against what you owe.")


def _bank(document: Document, pen: Pen) -> Iterator[Pair]:
    seller = document.seller
    if not seller.iban or document.is_credit or document.to_pay <= 0:
        return
    yield pen.say("Account"), seller.name
    yield "IBAN", " ".join(seller.iban[n : n + 4] for n in range(0, len(seller.iban), 4))
    if seller.bic:
        yield "BIC", seller.bic
    if seller.bank:
        yield pen.say("Bank"), seller.bank
    yield pen.say("Number"), document.number
