"""Numbers without a gap: one series for each legal entity, kind of document, and year."""

from datetime import UTC, datetime

from sequences import get_next_values

from billing.invoicing.legal import LegalEntity


def invoice_numbers(entity: LegalEntity, now: datetime, *, count: int) -> list[str]:
    """Return the next numbers. Until the commit everyone else who issues waits: take them last."""
    return _next("invoices", entity.invoice_prefix, now, count)


def credit_note_number(entity: LegalEntity, now: datetime) -> str:
    [number] = _next("credit-notes", entity.credit_note_prefix, now, 1)
    return number


def _next(kind: str, prefix: str, now: datetime, count: int) -> list[str]:
    series = f"{prefix}-{now.astimezone(UTC).year}"
    return [f"{series}-{n:05}" for n in get_next_values(count, f"{kind}-{series}")]
