"""How invoices stand: what is still to be paid of each, and what that makes them.

Money is set against an organisation's invoices in the order of their issue: what one has too much,
by payments, credit notes or a negative total, is credit for the next ones in its currency.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from django.db.models import QuerySet, Sum

from billing.exact import ZERO, exactly
from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import CreditNote, Payment
from billing.invoicing.settling.credit import Settled, settle
from billing.prepared import Slot, prepared
from billing.pricing.models import Plan, PlanVersion
from billing.pricing.plans import with_plans
from billing.together import Reading, read
from catacloud.accounts.models import Organisation


class Status(StrEnum):
    OPEN = "open"
    PARTLY_PAID = "partly-paid"
    OVERDUE = "overdue"
    PAID = "paid"
    CREDITED = "credited"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Standing:
    """An invoice beside what came after it. Amounts are gross."""

    invoice: Invoice
    paid: Decimal
    credited: Decimal
    settled: Settled

    def status(self, today: date) -> Status:
        invoice = self.invoice
        if invoice.voided_at:
            return Status.VOID
        if invoice.gross > 0 and self.credited == invoice.gross:
            return Status.CREDITED
        if not self.settled.to_pay:
            return Status.PAID
        if today > invoice.due_on:
            return Status.OVERDUE
        return Status.PARTLY_PAID if self.paid or self.credited else Status.OPEN


def standings(organisation: Organisation) -> dict[int, Standing]:
    """Return how each of an organisation's invoices stands, by its key, the oldest first."""
    return read(reading_standings(organisation))


def reading_standings(organisation: Organisation) -> Reading[dict[int, Standing]]:
    """Read what :func:`standings` returns, in one round."""
    wanted = (_issued, _its_versions, _its_plans, _paid, _credited)
    invoices, its_versions, plans, payments, notes = yield [
        one(owner=organisation.pk) for one in wanted
    ]
    named = with_plans(its_versions, plans)
    by_currency: defaultdict[str, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        invoice.plan_version = named[invoice.plan_version_id]
        by_currency[invoice.currency].append(invoice)
    found: dict[int, Standing] = {}
    for each in by_currency.values():
        for one in _settled(each, dict(payments), dict(notes)):
            found[one.invoice.pk] = one
    return found


@prepared
def _issued(owner: Slot) -> QuerySet[Invoice]:
    return Invoice.objects.filter(organisation=owner).order_by("issued_at", "pk")


@prepared
def _its_versions(owner: Slot) -> QuerySet[PlanVersion]:
    issued = Invoice.objects.filter(organisation=owner)
    return PlanVersion.objects.filter(pk__in=issued.values("plan_version"))


@prepared
def _its_plans(owner: Slot) -> QuerySet[Plan]:
    issued = Invoice.objects.filter(organisation=owner)
    return Plan.objects.filter(pk__in=issued.values("plan_version__plan"))


@prepared
def _paid(owner: Slot) -> QuerySet[Payment, tuple[int, Decimal]]:
    paid = Payment.objects.filter(invoice__organisation=owner).order_by()
    return paid.values_list("invoice").annotate(Sum("amount"))


@prepared
def _credited(owner: Slot) -> QuerySet[CreditNote, tuple[int, Decimal]]:
    notes = CreditNote.objects.filter(invoice__organisation=owner).order_by()
    return notes.values_list("invoice").annotate(Sum("gross"))


def credit_before(invoice: Invoice) -> Decimal:
    """Return what was left of earlier invoices when one was issued, to pay it with."""
    earlier = Invoice.objects.filter(
        organisation=invoice.organisation_id, currency=invoice.currency, pk__lt=invoice.pk
    )
    invoices = list(earlier.order_by("issued_at", "pk"))
    paid = Payment.objects.filter(invoice__in=invoices, recorded_at__lte=invoice.issued_at)
    notes = CreditNote.objects.filter(
        invoice__in=invoices, issued_at__lte=invoice.issued_at
    ).exclude(
        kind=CreditNote.Kind.CORRECTION,  # those that came with the invoice
        issued_at=invoice.issued_at,
    )
    left = ZERO
    for one in _settled(
        invoices,
        dict(paid.order_by().values_list("invoice").annotate(Sum("amount"))),
        dict(notes.order_by().values_list("invoice").annotate(Sum("gross"))),
    ):
        left = one.settled.left
    return left


def _settled(
    invoices: Iterable[Invoice], paid: dict[int, Decimal], credited: dict[int, Decimal]
) -> Iterable[Standing]:
    rows = [(one, paid.get(one.pk, ZERO), credited.get(one.pk, ZERO)) for one in invoices]
    with exactly():
        totals = [one.gross - money - less for one, money, less in rows]
    for (invoice, money, less), settled in zip(rows, settle(totals), strict=True):
        yield Standing(invoice, money, less, settled)
