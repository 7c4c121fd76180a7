"""What organisations are warned of now, for who looks at many of them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from billing.budgets.models import BudgetAlert, Threshold


def last_told(organisations: Collection[UUID]) -> Mapping[UUID, Threshold]:
    """Return the threshold of which each was told last, in one query; who never was is absent."""
    if not organisations:
        return {}
    alerts = BudgetAlert.objects.filter(organisation__in=organisations)
    last = alerts.order_by("organisation", "-pk").distinct("organisation")
    return {owner: Threshold(one) for owner, one in last.values_list("organisation", "threshold")}
