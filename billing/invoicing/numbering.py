"""Numbers without a gap: one series for each legal entity, kind of document, and year."""

from datetime import UTC, datetime

from sequences import get_next_value

from billing.invoicing.legal import LegalEntity


def invoice_number(entity: LegalEntity, now: datetime) -> str:
    """Return the next number. Until the commit everyone else who issues one waits: take it last."""
    return _next("invoices", entity.invoice_prefix, now)


def credit_note_number(entity: LegalEntity, now: datetime) -> str:
    return _next("credit-notes", entity.credit_note_prefix, now)


def _next(kind: str, prefix: str, now: datetime) -> str:
    series = f"{prefix}-{now.astimezone(UTC).year}"
    return f"{series}-{get_next_value(f'{kind}-{series}'):05}"
