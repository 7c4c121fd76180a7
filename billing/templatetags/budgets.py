"""The banner of a budget, at the top of every page of an organisation."""

from django import template
from django.utils import timezone

from billing.budgets.models import BudgetAlert
from catacloud.accounts.models import Organisation
from catacloud.accounts.stopping import is_stopped

register = template.Library()


@register.inclusion_tag("includes/budget_banner.html")
def budget_banner(organisation: Organisation) -> dict[str, object]:
    """Say what was told last; it asks the database only in a period in which something was."""
    now = timezone.now()
    if organisation.warned_until is None or now >= organisation.warned_until:
        return {}
    alerts = BudgetAlert.objects.filter(organisation=organisation).order_by("-pk")
    return {
        "organisation": organisation,
        "alert": alerts.first(),
        "is_stopped": is_stopped(organisation, now=now),
    }
