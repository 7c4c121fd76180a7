"""Which invoiced periods may come to another amount by now.

A period is settled by its own invoice and by each later one in its currency, which took up what had
changed until then. Only where usage changed since the last of these need it be rated again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import models
from django.db.models import QuerySet

from billing.invoicing.models import Invoice
from billing.prepared import Slot, any_of, prepared
from billing.together import Raw, Reading


class Unsettled(NamedTuple):
    """Invoices whose period is to be rated again; and with whom organisations shared prices in
    invoiced periods, whose usage was looked at as well.
    """

    invoices: Sequence[Invoice]
    mates: Mapping[UUID, Sequence[UUID]]


def unsettled(organisations: Collection[UUID]) -> Reading[Unsettled]:
    """Read the valid invoices whose period is to be rated again: in two rounds, or one if none.

    Those of who shares prices with others also where the usage of one of them changed, for it
    counts there as well. And those that take the place of a void one, for what corrected that one
    counts for them.
    """
    asked = {"organisations": list(organisations)}
    columns = models.BigIntegerField(), models.UUIDField(), models.UUIDField()
    is_of_one = len(organisations) == 1  # whose few invoices one plan suits
    [found] = yield [Raw(UNSETTLED, asked, columns, is_planned_once=is_of_one)]
    pks, mates = [pk for pk, _, _ in found if pk is not None], defaultdict(list)
    for pk, owner, mate in found:
        if pk is None:
            mates[owner].append(mate)
    if not pks:
        return Unsettled([], mates)
    [invoices] = yield [_invoices(pks=pks)]
    return Unsettled(invoices, mates)


@prepared
def _invoices(pks: Slot) -> QuerySet[Invoice]:
    return Invoice.objects.filter(pk=any_of(pks)).order_by("starts_on", "pk")


# A change matters to a period where it is in one of its months, or moved a level before.
CHANGED = """
    SELECT max(CASE WHEN month + interval '1 month' > valid.starts_on THEN position
        ELSE level_position END)
    FROM billing_usagechange AS change
    WHERE change.organisation_id = {whose} AND month < valid.ends_on
"""
UNSETTLED = f"""
WITH invoice AS (
    SELECT id, organisation_id, currency, starts_on, ends_on, metered_until, metered_others,
    EXISTS (
        SELECT FROM billing_invoice AS void WHERE void.organisation_id = own.organisation_id
            AND void.starts_on = own.starts_on AND void.voided_at IS NOT NULL
    ) AS replaces
    FROM billing_invoice AS own
    WHERE organisation_id = ANY(%(organisations)s) AND voided_at IS NULL
), valid AS (
    SELECT id, organisation_id, currency, starts_on, ends_on, replaces, greatest(
        max(metered_until) OVER (
            PARTITION BY organisation_id, currency ORDER BY id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        CASE WHEN NOT replaces THEN metered_until END
    ) AS seen FROM invoice
), pool AS (
    SELECT organisation_id, parent_id FROM billing_poolmember
    WHERE organisation_id = ANY(%(organisations)s)
    UNION SELECT parent_id, parent_id FROM billing_poolmember
    WHERE parent_id = ANY(%(organisations)s)
), mate AS MATERIALIZED (
    SELECT pool.organisation_id, other.organisation_id AS id, other.starts_on
    FROM pool JOIN billing_poolmember AS other USING (parent_id)
    UNION SELECT pool.organisation_id, parent_id, other.starts_on
    FROM pool JOIN billing_poolmember AS other USING (parent_id)
), theirs AS (
    SELECT valid.id, valid.organisation_id, mate.id AS mate_id,
    ({CHANGED.format(whose="mate.id")}) AS changed, (
        SELECT max((invoice.metered_others ->> mate.id::text)::bigint) FROM invoice
        WHERE invoice.organisation_id = valid.organisation_id
            AND invoice.currency = valid.currency AND invoice.id >= valid.id
            AND NOT (invoice.id = valid.id AND invoice.replaces)
    ) AS seen
    FROM valid JOIN mate USING (organisation_id)
    WHERE mate.id <> organisation_id AND mate.starts_on < valid.ends_on
)
SELECT id, NULL, NULL FROM valid
WHERE seen IS NULL OR seen < ({CHANGED.format(whose="valid.organisation_id")})
    OR id IN (SELECT id FROM theirs WHERE seen IS NULL OR seen < changed)
UNION ALL
(SELECT DISTINCT NULL::bigint, organisation_id, mate_id FROM theirs)
"""  # noqa: S608 (constants only)
