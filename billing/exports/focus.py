"""Costs as FOCUS 1.2 has them: a row for each line of a document, and for each tax on it. Pure.

FOCUS is the FinOps Open Cost and Usage Specification. The rows of an invoice add up to what is owed
for it, and so do those of a bill to come, under a name for the time being. What was agreed on is
the only price that there is, so a charge's list and contracted cost are what is billed; discounts
and credit are rows of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import NamedTuple

from billing.exact import plain
from billing.invoicing.charging.lines import Kind
from billing.periods import Days, month_of

USAGE, PURCHASE, TAX, CREDIT, ADJUSTMENT = "Usage", "Purchase", "Tax", "Credit", "Adjustment"
CORRECTION = "Correction"
CATEGORIES = {
    Kind.USAGE: USAGE,
    Kind.BASE_FEE: PURCHASE,
    Kind.COMMITMENT: PURCHASE,
    Kind.DISCOUNT: CREDIT,
    Kind.CREDIT: CREDIT,
}
# Of the services that there are from the start; what an operator defined is of no known category.
SERVICES = {
    "storage": ("Storage", "Object Storage"),
    "execution-time": ("Compute", "Serverless Compute"),
    "transfer": ("Networking", "Other (Networking)"),
}
OTHER = ("Other", "Other (Other)")
TIMES = {"h": "Hours", "min": "Minutes", "s": "Seconds", "d": "Days"}
FREQUENCIES = {USAGE: "Usage-Based", PURCHASE: "Recurring"}
PLATFORM, FEES = "Platform", "Fees"


class Charge(NamedTuple):
    """A line as a document has it; ``covers`` are the days that it is for."""

    kind: Kind
    service: str  # the slug; empty of what is for no service
    name: str
    value: str
    quantity: Decimal
    unit: str
    amount: Decimal
    covers: Days
    is_correction: bool = False


class Taxed(NamedTuple):
    text: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, a credit note, or the bill to come, which has an empty number."""

    account: str
    account_name: str
    issuer: str
    number: str
    currency: str
    plan_version: int
    days: Days
    zone: tzinfo
    charges: Sequence[Charge]
    taxes: Sequence[Taxed]  # none where the charges contain them


@dataclass(frozen=True, slots=True)
class FocusRow:
    """A row, its fields named as FOCUS names its columns but for the case; None is null."""

    billed_cost: Decimal
    billing_account_id: str
    billing_account_name: str
    billing_currency: str
    billing_period_start: datetime
    billing_period_end: datetime
    charge_category: str
    charge_class: str | None
    charge_description: str
    charge_frequency: str
    charge_period_start: datetime
    charge_period_end: datetime
    commitment_discount_status: str | None
    consumed_quantity: Decimal | None
    consumed_unit: str | None
    contracted_cost: Decimal
    effective_cost: Decimal
    invoice_id: str
    invoice_issuer_name: str
    list_cost: Decimal
    pricing_category: str | None
    pricing_quantity: Decimal | None
    pricing_unit: str | None
    provider_name: str
    publisher_name: str
    service_category: str
    service_name: str
    service_subcategory: str
    sku_id: str | None
    sku_meter: str | None
    sku_price_id: str | None


def focus_rows(documents: Iterable[Document]) -> Iterator[FocusRow]:
    """Yield the rows of documents, in their order."""
    for document in documents:
        yield from (_charged(document, charge) for charge in document.charges)
        yield from (_taxed(document, tax) for tax in document.taxes if tax.amount)


def focus_name(field: str) -> str:
    """Return what FOCUS calls a field: billed_cost is BilledCost."""
    return "".join(part.capitalize() for part in field.split("_"))


def focus_number(number: Decimal) -> str:
    """Write a number so that a column of whole ones is not taken for one of integers."""
    text = plain(number)
    return text if "." in text else f"{text}.0"


def focus_unit(unit: str) -> str:
    """Return a unit as FOCUS writes it: GB·h is GB-Hours. What is for no unit is counted."""
    return "-".join(TIMES.get(part, part) for part in unit.split("·")) or "Units"


def next_period(days: Days) -> Days:
    """Return the period after: the next month, or as many days."""
    if days == month_of(days.first):
        return month_of(days.end)
    return Days(days.end, days.end + (days.end - days.first))


def _charged(document: Document, charge: Charge) -> FocusRow:
    category = _category(charge)
    is_usage, is_priced = category == USAGE, category in FREQUENCIES
    sku = _sku(charge) if is_priced else None
    service_category, subcategory = SERVICES.get(charge.service, OTHER)
    unit = focus_unit(charge.unit)
    return _row(
        document,
        charge.amount,
        charge.covers,
        charge_category=category,
        charge_class=CORRECTION if charge.is_correction else None,
        charge_description=" ".join(filter(None, [charge.name, charge.value])),
        charge_frequency=FREQUENCIES.get(category, "One-Time"),
        consumed_quantity=charge.quantity if is_usage else None,
        consumed_unit=unit if is_usage else None,
        pricing_category="Standard" if is_priced else None,
        pricing_quantity=charge.quantity if is_priced else None,
        pricing_unit=unit if is_priced else None,
        service_category=service_category,
        service_name=charge.name if charge.service else PLATFORM,
        service_subcategory=subcategory,
        sku_id=sku,
        sku_meter=(charge.name if is_usage else FEES) if sku else None,
        sku_price_id=f"{sku}/{document.plan_version}" if sku else None,
    )


def _taxed(document: Document, tax: Taxed) -> FocusRow:
    category, subcategory = OTHER
    return _row(
        document,
        tax.amount,
        document.days,
        charge_category=TAX,
        charge_class=None,
        charge_description=tax.text,
        charge_frequency="One-Time",
        consumed_quantity=None,
        consumed_unit=None,
        pricing_category=None,
        pricing_quantity=None,
        pricing_unit=None,
        service_category=category,
        service_name=PLATFORM,
        service_subcategory=subcategory,
        sku_id=None,
        sku_meter=None,
        sku_price_id=None,
    )


def _row(
    document: Document, amount: Decimal, covers: Days, **own: "str | Decimal | None"
) -> FocusRow:
    return FocusRow(
        billed_cost=amount,
        billing_account_id=document.account,
        billing_account_name=document.account_name,
        billing_currency=document.currency,
        billing_period_start=document.days.starts_in(document.zone),
        billing_period_end=document.days.ends_in(document.zone),
        charge_period_start=covers.starts_in(document.zone),
        charge_period_end=covers.ends_in(document.zone),
        commitment_discount_status=None,  # there are none; rules for quantities look at it
        contracted_cost=amount,
        effective_cost=amount,
        invoice_id=document.number or _provisional(document),
        invoice_issuer_name=document.issuer,
        list_cost=amount,
        provider_name=document.issuer,
        publisher_name=document.issuer,
        **own,  # type: ignore[arg-type]
    )


def _provisional(document: Document) -> str:
    """Return what a bill to come is called: the same until it is an invoice."""
    return f"draft-{document.account}-{document.days.first}"


def _category(charge: Charge) -> str:
    if charge.kind == Kind.CORRECTION:
        return USAGE if charge.service else ADJUSTMENT
    return CATEGORIES[charge.kind]


def _sku(charge: Charge) -> str:
    """Return a name that is the same for everybody and at all times."""
    return "/".join(filter(None, [charge.service or charge.kind.value, charge.value]))
