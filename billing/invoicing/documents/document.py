"""An invoice or a credit note as a document: the one structure that page, PDF and data show. Pure.

All amounts are Decimals, rounded already; nothing here or behind it works out a figure anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from billing.exact import ZERO, exactly, plain
from billing.invoicing.parties import Party
from billing.invoicing.tax import TaxLine, Treatment, gross_of, net_of, tax_of

DECIMAL_PLACES = 2  # of an amount in EN 16931


class Kind(StrEnum):
    DRAFT = "draft"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit-note"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class Original:
    """The document that this one takes back or corrects; and, of a line, which one of it."""

    number: str
    issued_on: date
    first: date
    last: date
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """``net`` is the amount without tax. ``working`` is as invoice lines keep it."""

    position: int
    text: str
    quantity: Decimal
    unit: str
    amount: Decimal
    net: Decimal
    treatment: Treatment
    working: Sequence[Mapping[str, str | None]] = ()
    corrects: Original | None = None
    quantity_now: Decimal | None = None
    amount_now: Decimal | None = None
    before_quantity: Decimal | None = None
    before_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """``first`` and ``last`` are the days of the period, in ``time_zone``."""

    kind: Kind
    number: str
    language: str
    currency: str
    issued_on: date
    due_on: date | None
    first: date
    last: date
    time_zone: str
    plan: str
    seller: Party
    buyer: Party
    reference: str
    lines: Sequence[Line]
    taxes: Sequence[TaxLine]
    prices_include_tax: bool
    credit_used: Decimal = ZERO
    original: Original | None = None
    reason: str = ""

    @property
    def total(self) -> Decimal:
        """The sum of the lines, as they stand."""
        with exactly():
            return sum((line.amount for line in self.lines), ZERO)

    @property
    def net(self) -> Decimal:
        return net_of(self.taxes)

    @property
    def tax(self) -> Decimal:
        return tax_of(self.taxes)

    @property
    def gross(self) -> Decimal:
        return gross_of(self.taxes)

    @property
    def to_pay(self) -> Decimal:
        with exactly():
            return self.gross - self.credit_used

    @property
    def fits_en_16931(self) -> bool:
        """Whether no amount of it has more than two decimal places, which is all that the standard
        has room for: a currency with three still fits where the third is a zero throughout.
        """
        sums = [amount for one in self.taxes for amount in (one.net, one.tax)]
        amounts = [*sums, *(line.net for line in self.lines), self.credit_used]
        return all(plain(amount)[::-1].find(".") <= DECIMAL_PLACES for amount in amounts)

    @property
    def is_credit(self) -> bool:
        return self.kind in (Kind.CREDIT_NOTE, Kind.REVERSAL)
