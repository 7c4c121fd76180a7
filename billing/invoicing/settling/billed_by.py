"""By what the period of an invoice was billed besides usage, and what that came to so far."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.accounts import models as accounts
from billing.exact import ZERO, exactly
from billing.invoicing.charging.besides import as_of, commitment_of, valid_as_of
from billing.invoicing.charging.bill import Discount
from billing.invoicing.charging.fees import due
from billing.invoicing.charging.lines import Kind, fee
from billing.invoicing.charging.rebilling import Key, Terms
from billing.invoicing.charging.standings import reading_standings
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling.after import CreditNote, CreditNoteLine
from billing.periods import Days
from billing.prepared import Slot, prepared
from billing.together import Reading, together

BESIDE_USAGE = [Kind.COMMITMENT.value, Kind.DISCOUNT.value]


def terms_of(invoice: Invoice) -> Reading[Terms]:
    """Read what was in force then, in one round: nothing that is agreed on starts or ends on
    invoiced days.
    """
    rows, standings, discounts = yield from together(
        _reading_fees(invoice), reading_standings([invoice.organisation_id]), _discounts(invoice)
    )
    fees = [
        replace(fee(Kind.BASE_FEE, row.service_name, row.amount), tax_class=row.tax_class)
        for row in rows
    ]
    owner, days = invoice.organisation_id, Days(invoice.starts_on, invoice.ends_on)
    asked = due(standings[owner], days, invoice.currency)
    commitment = commitment_of(asked, fees, invoice.currency)
    return Terms(fees, commitment, discounts)


def _reading_fees(invoice: Invoice) -> Reading[Sequence[InvoiceLine]]:
    [rows] = yield [_base_fees(invoice=invoice.pk)]
    return rows


@prepared
def _base_fees(invoice: Slot) -> QuerySet[InvoiceLine]:
    found = InvoiceLine.objects.filter(invoice=invoice, kind=Kind.BASE_FEE.value)
    return found.order_by("position")


def invoiced(
    invoice: Invoice, before: Invoice | None = None
) -> Reading[Mapping[Key, tuple[str, Decimal]]]:
    """Read text and amount of the period's commitment and discounts, corrections included, so far,
    in one round; or by what was issued before another invoice.
    """
    found: dict[Key, tuple[str, Decimal]] = {}
    when = as_of(before)
    lines = _lines(
        invoice=invoice.pk, first=invoice.starts_on, owner=invoice.organisation_id, **when
    )
    rows, given_back = yield [lines, _given_back(invoice=invoice.pk, at=when["at"])]
    for row in rows:
        key = row.source_id, row.tax_class
        text, so_far = found.get(key, (row.service_name, ZERO))
        with exactly():
            found[key] = text, so_far + row.amount
    for source, tax_class, name, amount in given_back:
        text, so_far = found.get((source, tax_class), (name, ZERO))
        with exactly():
            found[source, tax_class] = text, so_far - amount
    return found


@prepared
def _lines(
    invoice: Slot, first: Slot, owner: Slot, at: Slot, before: Slot
) -> QuerySet[InvoiceLine]:
    corrections = Q(kind=Kind.CORRECTION.value, service=None, corrects__starts_on=first)
    found = InvoiceLine.objects.filter(
        Q(invoice=invoice, kind__in=BESIDE_USAGE) | corrections,
        valid_as_of(at, before),
        invoice__organisation=owner,
    )
    return found.order_by("invoice", "position")


@prepared
def _given_back(
    invoice: Slot, at: Slot
) -> "QuerySet[CreditNoteLine, tuple[UUID | None, str, str, Decimal]]":
    """Ask what credit notes took back of its commitment and discounts, which went with usage: by
    the line's source and tax class, its text and the amount.
    """
    lines = CreditNoteLine.objects.filter(
        credit_note__invoice=invoice,
        credit_note__kind=CreditNote.Kind.CORRECTION.value,
        credit_note__issued_at__lt=at,
        invoice_line__kind__in=BESIDE_USAGE,
    )
    of_line = (f"invoice_line__{name}" for name in ("source_id", "tax_class", "service_name"))
    return lines.values_list(*of_line, "amount")


def _discounts(invoice: Invoice) -> Reading[list[Discount]]:
    """Read those that lowered it, and those without a limit that had nothing to lower then.

    One for so many periods that took nothing off has this one left for a later period.
    """
    asked = _in_force(
        invoice=invoice.pk,
        owner=invoice.organisation_id,
        first=invoice.starts_on,
        end=invoice.ends_on,
        issued_at=invoice.issued_at,
        currency=invoice.currency,
    )
    [rows] = yield [asked]
    return [Discount(row.pk, row.text, row.rate, row.amount, row.service_id) for row in rows]


@prepared
def _in_force(
    invoice: Slot, owner: Slot, first: Slot, end: Slot, issued_at: Slot, currency: Slot
) -> QuerySet[accounts.Discount]:
    lowered = InvoiceLine.objects.filter(invoice=invoice, kind=Kind.DISCOUNT.value)
    unlimited = Q(
        Q(ends_on=None) | Q(ends_on__gt=first),
        periods=None,
        starts_on__lt=end,
        granted_at__lte=issued_at,
    )
    return accounts.Discount.objects.filter(
        Q(pk__in=lowered.order_by().values("source_id")) | unlimited,
        Q(currency="") | Q(currency=currency),
        organisation=owner,
    )
