"""Issue an invoice: number it, and freeze it."""

from datetime import datetime
from decimal import Decimal

from billing.exact import ZERO
from billing.invoicing import inputs, numbering
from billing.invoicing.drafting import Draft
from billing.invoicing.giving_back import give_back
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.parties import frozen
from billing.invoicing.standing import credit_left
from billing.invoicing.tax import tax_rows


def issue(draft: Draft, *, now: datetime) -> Invoice:
    """Make a draft an invoice, in the caller's transaction, which holds the organisation's row."""
    invoice = Invoice(
        organisation=draft.organisation,
        plan_version_id=draft.plan_version_id,
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
        credit_used=_credit(draft),
        line_count=len(draft.lines),
        issued_at=now,
        due_on=draft.entity.due_on(now.date()),
        seller=frozen(draft.seller),
        buyer=frozen(draft.buyer),
        language=draft.language,
        reference=draft.reference,
        metered_until=draft.metered_until,
    )
    give_back(draft.credited, now=now)
    invoice.inputs_digest = inputs.digest(invoice, draft.lines)
    invoice.number = numbering.invoice_number(draft.entity, now)
    invoice.save(force_insert=True)
    for line in draft.lines:
        line.invoice = invoice
    InvoiceLine.objects.bulk_create(draft.lines)
    return invoice


def _credit(draft: Draft) -> Decimal:
    """Return how much of the credit that is left this invoice uses up."""
    left = credit_left(draft.organisation, draft.currency)
    return max(min(left, draft.gross), ZERO)
