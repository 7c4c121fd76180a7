"""Whose usage changed since it was looked at, and from which month on."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Q

from billing.accounts.models import PoolMember
from billing.metering.folding.seen import Seen, is_new, lowest


def changed_since(seen: Seen) -> dict[UUID, date]:
    """Return from when on usage is another, of organisations and of whom they share prices with."""
    found: dict[UUID, date] = {}
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, [lowest(seen)])
        for owner, month, position in cursor:
            if is_new(owner, position, seen):
                found[owner] = min(month, found.get(owner, month))
    return found | _shared(found)


CHANGED = """
SELECT organisation_id, month, position FROM billing_usagechange WHERE position > %s
"""


def _shared(found: Mapping[UUID, date]) -> dict[UUID, date]:
    """Return for those of volume accounts from when on that of one of them is another."""
    own = PoolMember.objects.filter(Q(organisation__in=found) | Q(parent__in=found)).order_by()
    parents = set(own.values_list("parent_id", flat=True)) if found else set()
    if not parents:
        return {}
    accounts: defaultdict[UUID, set[UUID]] = defaultdict(set)
    pairs = PoolMember.objects.filter(parent__in=parents).order_by()
    for parent, member in pairs.values_list("parent_id", "organisation_id"):
        accounts[parent] |= {parent, member}
    shared: dict[UUID, date] = {}
    for everyone in accounts.values():
        first = min(found[one] for one in everyone if one in found)
        shared |= {one: min(first, shared.get(one, first)) for one in everyone}
    return shared
