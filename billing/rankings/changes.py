"""Whose figures changed since a ranking read them, by the notes that the database itself keeps.

A note of a change stands above the position that its partition was folded to before: so whoever
read usage when a partition stood at a position has seen all changes that are noted up to there.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from billing.invoicing.charging.agreed import mates_of
from billing.metering.folding import freshness
from billing.periods import month_of
from billing.rankings.spans import Span
from eventstore import feed
from eventstore.store import partition_of

Seen = Mapping[str, int]
"""Up to which position each partition was folded, as JSON keeps it: by its number, as text."""


def folded() -> Seen:
    """Return how far each partition is folded now: ask before usage is read."""
    return {str(partition): position for partition, position in freshness.folded().items()}


def changed_since(seen: Seen, span: Span) -> set[UUID]:
    """Return whose usage of a span's days changed, and with whom they share prices."""
    lowest = min((seen.get(str(one), 0) for one in feed.partitions()), default=0)
    asked: dict[str, Any] = {"seen": lowest, "end": span.end, "first": month_of(span.before).first}
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, asked)
        changed = {
            owner for owner, position in cursor if position > seen.get(str(partition_of(owner)), 0)
        }
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
