"""Whether what was agreed on with organisations is still what their periods were priced by.

Subscriptions, own prices and volume accounts may change back to the last day that is invoiced, and
no note is made of it. So each period keeps a digest of these rows, those of its volume account too.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection


def digests_of(organisations: Sequence[UUID]) -> dict[UUID, int]:
    """Return a digest for each of some organisations: of another one something is agreed anew."""
    with connection.cursor() as cursor:
        cursor.execute(DIGESTS, {"owners": list(organisations)})
        return dict(cursor.fetchall())


# An account may have had several parents; whoever shared one with it may have made its price.
DIGESTS = """
WITH parent AS (
    SELECT id AS owner, id AS whose FROM accounts_organisation WHERE id = ANY(%(owners)s::uuid[])
    UNION
    SELECT organisation_id, parent_id FROM billing_poolmember
    WHERE organisation_id = ANY(%(owners)s::uuid[])
), mate AS (
    SELECT owner, whose FROM parent
    UNION
    SELECT owner, organisation_id FROM parent JOIN billing_poolmember ON parent_id = whose
), said AS (
    SELECT owner, hash_record_extended((1, row.*), 0) AS one
    FROM mate JOIN billing_subscription AS row ON organisation_id = whose
    UNION ALL
    SELECT owner, hash_record_extended((2, row.*), 0)
    FROM mate JOIN billing_priceoverride AS row ON organisation_id = whose
    UNION ALL
    SELECT owner, hash_record_extended((3, row.*), 0)
    FROM mate JOIN billing_poolmember AS row ON organisation_id = whose
    UNION ALL
    SELECT id, hashtextextended(time_zone, 4)
    FROM accounts_organisation WHERE id = ANY(%(owners)s::uuid[])
)
SELECT owner, bit_xor(one) FROM said GROUP BY owner
"""
