"""Issue an invoice: number it, and freeze it."""

from datetime import datetime
from decimal import Decimal

from billing.exact import ZERO, plain
from billing.invoicing import inputs, numbering
from billing.invoicing.credit import settle
from billing.invoicing.drafting import Draft
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.parties import frozen
from billing.invoicing.tax import TaxLine


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
        taxes=[_tax(line) for line in draft.taxes],
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
    invoice.inputs_digest = inputs.digest(invoice, draft.lines)
    invoice.number = numbering.invoice_number(draft.entity, now)
    invoice.save(force_insert=True)
    for line in draft.lines:
        line.invoice = invoice
    InvoiceLine.objects.bulk_create(draft.lines)
    return invoice


def _credit(draft: Draft) -> Decimal:
    """Return how much of the credit that stands open this invoice uses up."""
    earlier = Invoice.objects.filter(
        organisation=draft.organisation, currency=draft.currency
    ).order_by("issued_at", "pk")
    *_, last = settle([ZERO, *earlier.values_list("gross", flat=True)])
    return max(min(last.left, draft.gross), ZERO)


def _tax(line: TaxLine) -> dict[str, str]:
    treated = line.treatment
    return {
        "category": treated.category,
        "rate": plain(treated.rate),
        "net": plain(line.net),
        "tax": plain(line.tax),
        "reason_code": treated.reason_code,
        "reason": treated.reason,
    }
