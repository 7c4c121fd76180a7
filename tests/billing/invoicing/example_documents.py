"""Documents to write, lay out and check, made of values alone."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from billing.invoicing.documents.document import Document, Kind, Line, Original
from billing.invoicing.parties import Party
from billing.invoicing.tax import Category, Treatment, net_amounts, tax_lines

NINETEEN = Treatment(Category.STANDARD, Decimal(19))
STEPS: list[dict[str, str | None]] = [
    {
        "kind": "units",
        "from": "0",
        "up_to": "100",
        "quantity": "100",
        "unit_price": "0.1",
        "amount": "10",
    },
    {
        "kind": "units",
        "from": "100",
        "up_to": None,
        "quantity": "50.5",
        "unit_price": "0.05",
        "amount": "2.525",
    },
]
SELLER = Party(
    name="Catacloud GmbH",
    key="gmbh",
    street="Am Kai 7",
    postcode="24103",
    city="Kiel",
    country="DE",
    vat_id="DE136695976",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    email="billing@catacloud.example",
)
BUYER = Party(
    name="Kunde <GmbH> #1",
    key="kunde",
    street="Hauptstraße 1",
    postcode="10115",
    city="Berlin",
    country="DE",
    vat_id="DE129273398",
    email="rechnung@kunde.example",
)
AUSTRIAN = Party(
    name="Firma", key="firma", street="Ring 1", city="Wien", country="AT", vat_id="ATU13585627"
)
ORIGINAL = Original("INV-2026-00007", date(2026, 11, 1), date(2026, 10, 1), date(2026, 10, 31))


def make_document(
    *amounts: str,
    treated: Treatment = NINETEEN,
    included: bool = False,
    currency: str = "EUR",
    **fields: Any,
) -> Document:
    """Make the invoice of November of a company in Germany; a line for each amount."""
    rows = [(treated, Decimal(amount)) for amount in amounts]
    taxes = tax_lines(rows or [(treated, Decimal(0))], currency=currency, included=included)
    nets = net_amounts(rows, currency=currency, included=included)
    lines = tuple(
        Line(n, "Rechenzeit", Decimal("150.5"), "h", amount, net, one, STEPS)
        for n, ((one, amount), net) in enumerate(zip(rows, nets, strict=True), 1)
    )
    document = Document(
        kind=Kind.INVOICE,
        number="INV-2026-00008",
        language="de",
        currency=currency,
        issued_on=date(2026, 12, 1),
        due_on=date(2026, 12, 15),
        first=date(2026, 11, 1),
        last=date(2026, 11, 30),
        time_zone="Europe/Berlin",
        plan="Scale 1",
        seller=SELLER,
        buyer=BUYER,
        reference="PO-7",
        lines=lines,
        taxes=taxes,
        prices_include_tax=included,
    )
    return replace(document, **fields)
