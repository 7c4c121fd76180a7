"""Whose figures changed since a ranking read them, by the notes that the database itself keeps."""

from typing import Any
from uuid import UUID

from django.db import connection

from billing.invoicing.charging.agreed import mates_of
from billing.metering.folding.seen import Seen, is_new, lowest
from billing.periods import month_of
from billing.rankings.spans import Span


def changed_since(seen: Seen, span: Span) -> set[UUID]:
    """Return whose usage of a span's days changed, and with whom they share prices."""
    first = month_of(span.before).first
    asked: dict[str, Any] = {"seen": lowest(seen), "end": span.end, "first": first}
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, asked)
        changed = {owner for owner, position in cursor if is_new(owner, position, seen)}
    return changed | mates_of(changed) if changed else changed


# Of months before, only what moved a level counts.
CHANGED = """
SELECT organisation_id, max(noted)
FROM (
    SELECT organisation_id,
        CASE WHEN month >= %(first)s THEN position ELSE level_position END AS noted
    FROM billing_usagechange WHERE month < %(end)s
) AS change
WHERE noted > %(seen)s GROUP BY organisation_id
"""
