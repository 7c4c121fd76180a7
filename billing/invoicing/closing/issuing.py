"""Issue invoices: number them, and freeze them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from billing.accounts.models import PrepaidUse
from billing.exact import exactly
from billing.invoicing import numbering
from billing.invoicing.charging.bill import Credit
from billing.invoicing.closing import copying, inputs
from billing.invoicing.closing.drafting import Draft
from billing.invoicing.legal import LegalEntity
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.parties import frozen
from billing.invoicing.settling.giving_back import give_back
from billing.invoicing.settling.paying import record_payment
from billing.invoicing.tax import tax_rows
from billing.invoicing.wording.pen import Pen
from billing.periods import day_of


def issue(drafts: Sequence[Draft], *, now: datetime) -> list[Invoice]:
    """Make drafts invoices, in the caller's transaction, which holds the organisations' rows.

    From the numbers on, others who issue wait for the commit: all else comes before.
    """
    invoices = [_invoice(draft, now) for draft in drafts]
    for draft in drafts:
        give_back(draft.credited, now=now)
    copying.look_up_by_index()
    _number(invoices, now)
    ids = copying.next_ids(Invoice, len(invoices))
    for invoice, draft, pk in zip(invoices, drafts, ids, strict=True):
        invoice.pk = pk
        for line in draft.lines:
            line.invoice_id = pk
    copying.copy(Invoice, invoices)
    copying.copy(InvoiceLine, [one for draft in drafts for one in draft.lines], without=["id"])
    for invoice, draft in zip(invoices, drafts, strict=True):
        _take_prepaid(invoice, draft.prepaid, now)
    return invoices


def _invoice(draft: Draft, now: datetime) -> Invoice:
    """Return an invoice without its number."""
    invoice = Invoice(
        organisation=draft.organisation,
        plan_version=draft.plan_version,
        legal_entity=draft.entity,
        starts_on=draft.days.first,
        ends_on=draft.days.end,
        time_zone=draft.organisation.time_zone,
        currency=draft.currency,
        total=draft.total,
        prices_include_tax=draft.prices_include_tax,
        taxes=tax_rows(draft.taxes),
        tax=draft.tax,
        gross=draft.gross,
        credit_used=draft.credit_used,
        line_count=len(draft.lines),
        issued_at=now,
        due_on=draft.entity.due_on(now.date()),
        seller=frozen(draft.seller),
        buyer=frozen(draft.buyer),
        language=draft.language,
        reference=draft.reference,
        metered_until=draft.metered_until,
        metered_others={str(one): until for one, until in draft.metered_others.items()},
    )
    invoice.inputs_digest = inputs.digest(invoice, draft.lines)
    return invoice


def _number(invoices: Sequence[Invoice], now: datetime) -> None:
    """Number invoices; sellers come in one order for all, so that nobody deadlocks."""
    by_seller: defaultdict[LegalEntity, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        by_seller[invoice.legal_entity].append(invoice)
    for entity in sorted(by_seller, key=lambda one: one.invoice_prefix):
        own = by_seller[entity]
        numbers = numbering.invoice_numbers(entity, now, count=len(own))
        for invoice, number in zip(own, numbers, strict=True):
            invoice.number = number


def _take_prepaid(invoice: Invoice, prepaid: Sequence[Credit], now: datetime) -> None:
    """Pay with what was paid ahead, as far as it goes and there is something to be paid."""
    with exactly():
        open_amount = invoice.gross - invoice.credit_used
    references: list[str] = []
    for credit in prepaid:
        if (amount := min(credit.left, open_amount)) > 0:
            taken = PrepaidUse.objects.create(credit_id=credit.id, invoice=invoice, amount=amount)
            references.append(_called(taken, references))
            record_payment(
                invoice, amount=amount, received_on=now.date(), reference=references[-1], now=now
            )
            open_amount -= amount


def _called(taken: PrepaidUse, others: Sequence[str]) -> str:
    """Return what the customer knows a credit by: its day, and a number where there are several."""
    invoice, pen = taken.invoice, Pen(taken.invoice.language, taken.invoice.currency)
    day = pen.day(day_of(taken.credit.added_at, ZoneInfo(invoice.time_zone)))
    name = f"{pen.say('Prepaid credit of')} {day}"
    again = sum(one.startswith(name) for one in others)
    return f"{name} ({again + 1})" if again else name
