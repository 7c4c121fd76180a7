"""Make what an invoice says anew: from raw events, and what had been agreed on by then."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.translation import gettext

from billing.accounts.models import PrepaidUse
from billing.exact import ZERO, exactly
from billing.invoicing.charging.besides import Besides, besides_then, make, valid
from billing.invoicing.charging.lines import Kind, Line
from billing.invoicing.charging.rate import RatedPeriod, rate_invoiced
from billing.invoicing.charging.rebilling import lines_beside
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.parties import thawed
from billing.invoicing.proving.overlooked import periods_changed
from billing.invoicing.proving.recounted import Recount
from billing.invoicing.proving.standing_then import standing_then
from billing.invoicing.settling import billed_by
from billing.invoicing.settling.after import CreditNote
from billing.invoicing.settling.standing import credit_before
from billing.invoicing.tax import Taxation, TaxLine, Treatment, tax_lines
from billing.periods import Days
from billing.pricing.models import PlanVersion
from billing.pricing.tax_classes import STANDARD_CLASS
from billing.together import read, together


class Key(NamedTuple):
    """Which line of an invoice: no two of one have the same."""

    kind: str
    service_id: int | None = None
    value: str = ""
    source_id: UUID | None = None
    covers_from: date | None = None
    corrects_id: int | None = None
    tax_class: str = STANDARD_CLASS


class Made(NamedTuple):
    """What a line comes to. Of a correction: what the period's charge comes to by then, and what
    was invoiced of it before, or None where credit notes had a part in that.
    """

    quantity: Decimal = ZERO
    amount: Decimal = ZERO
    before: Decimal | None = None

    @property
    def is_owed(self) -> bool:
        """Whether there must be a line of it."""
        return self.before is not None and self.amount != self.before


NOTHING = Made()


def key_of(line: InvoiceLine) -> Key:
    return Key(
        line.kind,
        line.service_id,
        line.value,
        line.source_id,
        line.covers_from,
        line.corrects_id,
        line.tax_class,
    )


def lines_of(invoice: Invoice, lines: Sequence[InvoiceLine]) -> dict[Key, Made]:
    """Make the lines anew. What corrects earlier periods is taken as it is into the bill, and made
    anew beside it, and so are the periods that it had to look at again.
    """
    named = [line.corrects for line in lines if line.corrects]
    corrected = dict.fromkeys([*named, *periods_changed(invoice)])
    corrections = {key: made for period in corrected for key, made in _corrected(invoice, period)}
    held = {key_of(line) for line in lines}
    found = {key: made for key, made in corrections.items() if key in held or made.is_owed}
    days = Days(invoice.starts_on, invoice.ends_on)
    taken = [_line(line) for line in lines if line.corrects]
    bill = make(_rated(invoice, invoice), _besides(invoice), days=days, corrections=taken)
    for line in bill.lines:
        if line.kind is not Kind.CORRECTION:
            found[_key(line)] = Made(line.quantity, line.amount)
    return found


def taxation_of(invoice: Invoice) -> Taxation:
    """Return how its lines are to be taxed, by the parties as they were."""
    is_taxed = invoice.plan_version.tax_behaviour != PlanVersion.TaxBehaviour.NONE
    return Taxation(
        thawed(invoice.seller).taxpayer,
        thawed(invoice.buyer).taxpayer,
        invoice.legal_entity.rates(invoice.issued_at.date()) if is_taxed else None,
    )


def taxes_of(
    invoice: Invoice, lines: Sequence[InvoiceLine], treated: Sequence[Treatment]
) -> Sequence[TaxLine]:
    return tax_lines(
        [(one, line.amount) for one, line in zip(treated, lines, strict=True)],
        currency=invoice.currency,
        included=invoice.prices_include_tax,
    )


def credit_used(invoice: Invoice) -> Decimal:
    return max(min(credit_before(invoice), invoice.gross), ZERO)


def prepaid(invoice: Invoice) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Yield what it took of each prepaid credit, and what it was to take."""
    held = dict(PrepaidUse.objects.filter(invoice=invoice).values_list("credit", "amount"))
    with exactly():
        left = invoice.gross - invoice.credit_used
    for credit in _besides(invoice).prepaid(invoice.currency):
        amount = max(min(credit.left, left), ZERO)
        with exactly():
            left -= amount
        yield gettext("what it took of a prepaid credit"), held.pop(credit.id, ZERO), amount
    for amount in held.values():
        yield gettext("what it took of a prepaid credit"), amount, ZERO


def _besides(invoice: Invoice) -> Besides:
    return besides_then(invoice, standing_then(invoice.organisation_id, invoice.issued_at))


def _rated(period: Invoice, invoice: Invoice) -> RatedPeriod:
    """Rate a period from the events that had been metered when an invoice was issued."""
    until, zone = invoice.metered_until or 0, ZoneInfo(period.time_zone)
    recount = Recount(invoice.organisation_id, until, zone, invoice.metered_others)
    return rate_invoiced(period, now=invoice.issued_at, used_by=recount)


def _corrected(invoice: Invoice, period: Invoice) -> Iterator[tuple[Key, Made]]:
    """Yield what a corrected period comes to: its usage, and what goes with it."""
    usage = _rated(period, invoice).lines
    before = _usage_before(invoice, period)
    for one in usage:
        charge = one.service_id, one.value, one.tax_class
        key = Key(
            Kind.CORRECTION,
            one.service_id,
            one.value,
            corrects_id=period.pk,
            tax_class=one.tax_class,
        )
        charged = None if before is None else before.get(charge, ZERO)
        yield key, Made(one.quantity, one.amount, charged)
    terms, invoiced = read(
        together(billed_by.terms_of(period), billed_by.invoiced(period, before=invoice))
    )
    beside = lines_beside(usage, terms, currency=period.currency)
    for which in {*beside, *invoiced}:
        source, tax_class = which
        key = Key(Kind.CORRECTION, source_id=source, corrects_id=period.pk, tax_class=tax_class)
        amount = beside[which].amount if which in beside else ZERO
        was = invoiced[which][1] if which in invoiced else ZERO
        yield key, Made(ZERO, amount, None if before is None else was)


def _usage_before(invoice: Invoice, period: Invoice) -> dict[tuple[int, str, str], Decimal] | None:
    """Return what was invoiced of a period's charges; None where notes gave some of it back."""
    notes = CreditNote.objects.filter(invoice=period, kind=CreditNote.Kind.CORRECTION)
    if notes.exists():
        return None
    rows = InvoiceLine.objects.filter(
        Q(invoice=period, kind=Kind.USAGE)
        | Q(kind=Kind.CORRECTION, corrects__starts_on=period.starts_on, service__isnull=False),
        valid(invoice),
        invoice__organisation=period.organisation_id,
    )
    amounts = rows.order_by().values_list("service", "value", "tax_class").annotate(Sum("amount"))
    return {
        (service, value, tax_class): amount
        for service, value, tax_class, amount in amounts
        if service is not None
    }


def _key(line: Line) -> Key:
    covers_from = line.covers.first if line.covers else None
    return Key(
        line.kind,
        line.service_id,
        line.value,
        line.source_id,
        covers_from,
        tax_class=line.tax_class,
    )


def _line(line: InvoiceLine) -> Line:
    """Return a correction as the bill had it."""
    kind, text = Kind.CORRECTION, line.service_name
    return Line(
        line.service_id,
        text,
        line.quantity,
        line.unit,
        line.amount,
        (),
        kind,
        tax_class=line.tax_class,
    )
