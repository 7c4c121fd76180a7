"""What has changed since in periods that are invoiced: late events, and events that were corrected.

Each of an organisation's invoiced periods whose usage changed (unsettled.py) is rated as it stands
now, on the plan version that it was invoiced on. Where that is another amount than was invoiced for
it so far, the difference is a line on the next invoice, and so is that of the period's commitment
and discounts. So all invoices together always come to each period rated once, and what did not
change costs nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.exact import ZERO, exactly
from billing.invoicing.charging.lines import Kind, Line
from billing.invoicing.charging.rate import RatedLine, reading_invoiced
from billing.invoicing.charging.rebilling import Key as BesideKey
from billing.invoicing.charging.rebilling import Terms, beside_usage
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.settling import billed_by
from billing.invoicing.settling.after import CreditNote, CreditNoteLine
from billing.invoicing.settling.unsettled import unsettled
from billing.prepared import Slot, any_of, prepared
from billing.together import Reading, together


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What was invoiced for a charge and a period so far: by its invoice, and by later ones."""

    quantity: Decimal = ZERO
    amount: Decimal = ZERO

    def __add__(self, other: "Invoiced") -> "Invoiced":
        with exactly():
            return Invoiced(self.quantity + other.quantity, self.amount + other.amount)


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """By how much a service of an invoiced period costs more now, or less; or what goes with that:
    the period's commitment, or a discount.
    """

    corrects: Invoice
    now: Line
    before: Invoiced

    @property
    def quantity(self) -> Decimal:
        with exactly():
            return self.now.quantity - self.before.quantity

    @property
    def amount(self) -> Decimal:
        with exactly():
            return self.now.amount - self.before.amount

    @property
    def line(self) -> Line:
        """The difference, as a line of a bill."""
        kind = Kind.CORRECTION
        return replace(self.now, kind=kind, quantity=self.quantity, amount=self.amount)


OF_LINE = "service_id", "value", "tax_class"
Key = tuple[UUID, date, int, str, str]
Corrections = dict[str, list[CorrectionLine]]
"""By currency: an invoice takes those in its own, for amounts of two do not add up; the others wait
for an invoice in theirs.
"""


class Corrected(NamedTuple):
    """What changed of each organisation; and of some, who else's usage may have changed it."""

    lines: dict[UUID, Corrections]
    mates: Mapping[UUID, Sequence[UUID]]


def corrections(*, organisations: Collection[UUID], now: datetime) -> Reading[Corrected]:
    """Read a line for each service and invoiced period that comes to another amount now.

    In one round where nothing changed, however many organisations and invoices there are.
    """
    found: dict[UUID, Corrections] = {one: {} for one in organisations}
    changed, mates = yield from unsettled(organisations)
    if not changed:
        return Corrected(found, mates)
    before, *periods = yield from together(
        _invoiced(changed), *(_reading_period(invoice, now) for invoice in changed)
    )
    for invoice, period in zip(changed, periods, strict=True):
        if lines := _corrections_of(invoice, period, before):
            found[invoice.organisation_id].setdefault(invoice.currency, []).extend(lines)
    return Corrected(found, mates)


class _Period(NamedTuple):
    """What an invoiced period comes to now, and by what else it was billed, for how much."""

    usage: Sequence[RatedLine]
    terms: Terms
    beside: Mapping[BesideKey, tuple[str, Decimal]]


def _reading_period(invoice: Invoice, now: datetime) -> Reading[_Period]:
    rated, terms, beside = yield from together(
        reading_invoiced(invoice, now=now),
        billed_by.terms_of(invoice),
        billed_by.invoiced(invoice),
    )
    return _Period(rated.lines, terms, beside)


def _corrections_of(
    invoice: Invoice, period: _Period, before: Mapping[Key, Invoiced]
) -> list[CorrectionLine]:
    """Return what changed of a period: its usage and, where that did, what hangs on it."""
    found = []
    for rated in period.usage:
        charge = rated.service_id, rated.value, rated.tax_class
        line = CorrectionLine(
            invoice, rated, before[invoice.organisation_id, invoice.starts_on, *charge]
        )
        if line.amount:
            found.append(line)
    if found:
        changes = beside_usage(
            period.usage, period.terms, invoiced=period.beside, currency=invoice.currency
        )
        found += [CorrectionLine(invoice, one.now, Invoiced(ZERO, one.before)) for one in changes]
    return found


def total(amounts: Sequence[Decimal]) -> Decimal:
    with exactly():
        return sum(amounts, ZERO)


def _invoiced(invoices: Sequence[Invoice]) -> Reading[Mapping[Key, Invoiced]]:
    """Read what was invoiced so far for the periods of invoices: by the organisation, the
    period's first day, the service, its value and its tax class.

    A correction may be of an invoice that is void since: its period counts, not its number. What a
    credit note gave back because the period came to less counts too; a favour does not.
    """
    found: defaultdict[Key, Invoiced] = defaultdict(Invoiced)
    pks = [one.pk for one in invoices]
    owners = list({one.organisation_id for one in invoices})
    invoiced, given_back = yield [_lines(pks=pks, owners=owners), _given_back(pks=pks)]
    for owner, own, corrected, service, value, tax_class, quantity, amount in invoiced:
        key = owner, corrected or own, service, value, tax_class
        found[key] += Invoiced(quantity, amount)
    for owner, period, service, value, tax_class, quantity, amount in given_back:
        key = owner, period, service, value, tax_class
        found[key] += Invoiced(-quantity, -amount)
    return found


@prepared
def _lines(pks: Slot, owners: Slot) -> "QuerySet[InvoiceLine, tuple[Any, ...]]":
    lines = InvoiceLine.objects.filter(
        Q(invoice=any_of(pks)) | Q(kind=Kind.CORRECTION.value),
        invoice__organisation=any_of(owners),
        invoice__voided_at=None,
        service__isnull=False,
        kind__in=[Kind.USAGE.value, Kind.CORRECTION.value],
    )
    periods = "invoice__organisation", "invoice__starts_on", "corrects__starts_on"
    return lines.values_list(*periods, *OF_LINE, "quantity", "amount")


@prepared
def _given_back(pks: Slot) -> "QuerySet[CreditNoteLine, tuple[Any, ...]]":
    lines = CreditNoteLine.objects.filter(
        credit_note__invoice=any_of(pks),
        credit_note__kind=CreditNote.Kind.CORRECTION.value,
        invoice_line__kind=Kind.USAGE.value,
    )
    period = "credit_note__invoice__organisation", "credit_note__invoice__starts_on"
    of_line = (f"invoice_line__{name}" for name in OF_LINE)
    return lines.values_list(*period, *of_line, "quantity", "amount")
