"""Which invoiced periods may come to another amount by now.

A period is settled by its own invoice and by each later one in its currency, which took up what had
changed until then. Only where usage changed since the last of these need it be rated again.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from billing.invoicing.models import Invoice


def unsettled(organisations: Collection[UUID]) -> list[Invoice]:
    """Return the valid invoices whose period is to be rated again, in two queries, or one if none.

    Always those of who shares prices with others, for what these use counts there as well; and
    those that take the place of a void one, for what corrected that one counts for them.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNSETTLED, {"organisations": list(organisations)})
        found = [pk for (pk,) in cursor.fetchall()]
    if not found:
        return []
    return list(Invoice.objects.filter(pk__in=found).order_by("starts_on", "pk"))


UNSETTLED = """
WITH valid AS (
    SELECT id, organisation_id, starts_on, ends_on, greatest(
        max(metered_until) OVER (
            PARTITION BY organisation_id, currency ORDER BY id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        CASE WHEN NOT EXISTS (
            SELECT FROM billing_invoice AS void
            WHERE void.organisation_id = invoice.organisation_id
                AND void.starts_on = invoice.starts_on AND void.voided_at IS NOT NULL
        ) THEN metered_until END
    ) AS seen
    FROM billing_invoice AS invoice
    WHERE organisation_id = ANY(%(organisations)s) AND voided_at IS NULL
)
SELECT id FROM valid
WHERE seen IS NULL OR seen < (
    SELECT max(CASE WHEN month + interval '1 month' > starts_on THEN position
        ELSE level_position END)
    FROM billing_usagechange AS change
    WHERE change.organisation_id = valid.organisation_id AND month < ends_on
) OR EXISTS (
    SELECT FROM billing_poolmember AS pool
    WHERE pool.organisation_id = valid.organisation_id AND pool.starts_on < ends_on
) OR EXISTS (
    SELECT FROM billing_poolmember AS pool
    WHERE pool.parent_id = valid.organisation_id AND pool.starts_on < valid.ends_on
)
"""
