"""What earlier invoices of organisations left to pay the next ones with."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from uuid import UUID

from django.db import models

from billing.exact import ZERO
from billing.invoicing.settling.credit import settle
from billing.together import Raw, Reading


def credit_left(
    organisations: Collection[UUID],
) -> Reading[Mapping[tuple[UUID, str], Decimal]]:
    """Read it by organisation and currency; nothing is left where none is named."""
    is_of_one = len(organisations) == 1  # whose few invoices one plan suits
    asked = {"organisations": list(organisations)}
    [rows] = yield [Raw(OPEN, asked, COLUMNS, is_planned_once=is_of_one)]
    totals: defaultdict[tuple[UUID, str], list[Decimal]] = defaultdict(list)
    for owner, currency, total in rows:
        totals[owner, currency].append(total)
    left: defaultdict[tuple[UUID, str], Decimal] = defaultdict(lambda: ZERO)
    for key, own in totals.items():
        *_, last = settle(own)
        left[key] = last.left
    return left


COLUMNS = (models.UUIDField(), models.CharField(), models.DecimalField())
# Of who was never below zero, nothing is left: most of all.
OPEN = """
WITH open AS (
    SELECT organisation_id, currency, issued_at, id, gross - coalesce((
        SELECT sum(amount) FROM billing_payment WHERE invoice_id = invoice.id
    ), 0) - coalesce((
        SELECT sum(note.gross) FROM billing_creditnote AS note WHERE invoice_id = invoice.id
    ), 0) AS total
    FROM billing_invoice AS invoice WHERE organisation_id = ANY(%(organisations)s)
), told AS (
    SELECT *, min(total) OVER (PARTITION BY organisation_id, currency) AS lowest FROM open
)
SELECT organisation_id, currency, total FROM told WHERE lowest < 0 ORDER BY issued_at, id
"""
