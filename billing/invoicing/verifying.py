"""Verify an invoice: make it anew from the events that it was made of, and compare to the cent.

Usage is counted from the raw events up to the position that had been metered then, and rated on the
plan version of the period; taxes and sums are worked out again. The first difference is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.exact import ZERO, exactly, in_units, plain
from billing.invoicing import inputs, recounted
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.parts import Figures, Part, parts_of
from billing.invoicing.recounted import Period
from billing.invoicing.tax import Category, Treatment, tax_lines
from billing.periods import start_of
from billing.pricing.currencies import round_amount
from billing.pricing.models import Charge
from billing.pricing.rating import Usage, rate
from billing.pricing.terms import terms_of


@dataclass(frozen=True, slots=True)
class _Metered:
    """A line for usage, the charge that it was rated by, and what that prices."""

    line: InvoiceLine
    charge: Charge
    part: Part
    period: Invoice  # the one that it corrects, or its own


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
    metered = [one for line in lines if (one := _metered(invoice, line))]
    counted = recounted.count([_period(one, invoice.metered_until) for one in metered])
    for one, figures in zip(metered, counted, strict=True):
        yield from _usage(invoice, one, figures)


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


def _metered(invoice: Invoice, line: InvoiceLine) -> _Metered | None:
    """Return what a line of usage was rated by; None for a fee, a discount or a credit."""
    if line.service_id is None or (line.working and "line" in line.working[0]):
        return None
    period = line.corrects or invoice
    charges = list(
        Charge.objects.filter(version=period.plan_version_id, service=line.service_id)
        .select_related("service")
        .prefetch_related("tiers")
    )
    for charge, part in zip(charges, parts_of(charges), strict=True):
        if charge.value == line.value:
            return _Metered(line, charge, part, period)
    return None


def _period(one: _Metered, until: int) -> Period:
    zone = ZoneInfo(one.period.time_zone)
    return Period(
        organisation_id=one.period.organisation_id,
        part=one.part,
        starts_at=start_of(one.period.starts_on, zone),
        ends_at=start_of(one.period.ends_on, zone),
        until=until,
    )


def _usage(invoice: Invoice, one: _Metered, figures: Figures) -> Iterator[str]:
    line, size = one.line, one.part.service.unit_size
    events = [in_units(event, unit_size=size) for event in figures.events]
    with exactly():
        single = sum(events, ZERO)
    quantity = single if one.part.by_event else in_units(figures.figure, unit_size=size)
    what = f"line {line.position} ({line.service_name})"
    yield from _compare(invoice, f"the quantity of {what}", line.quantity_now, quantity)
    amount = round_amount(
        rate(Usage(quantity, events), terms_of(one.charge)).amount, invoice.currency
    )
    yield from _compare(invoice, f"the amount of {what}", line.amount_now, amount)


def _compare(invoice: Invoice, what: str, held: Decimal, made: Decimal) -> Iterator[str]:
    if held != made:
        yield f"{invoice}: {what} is {plain(held)}, but its events make {plain(made)}."
