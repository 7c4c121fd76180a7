"""Set and remove budgets: an event and the row that says so, at once."""

from datetime import datetime

from django.db import transaction

from billing.budgets.evaluating import evaluate, lock
from billing.budgets.events import BudgetRemoved, BudgetSet, record
from billing.budgets.models import Budget
from catacloud.accounts.models import Organisation, User


def set_budget(wanted: Budget, *, by: User, now: datetime) -> None:
    """Keep an organisation's budget, in place of the one that it had; a stop may end by that."""
    with transaction.atomic():
        lock(wanted.organisation)
        event = _event(wanted)
        was = Budget.objects.filter(organisation=wanted.organisation).first()
        if was is None or _event(was) != event:
            wanted.save()
            record(wanted.organisation, event, by=f"user:{by.pk}", now=now)
    evaluate(wanted.organisation, now=now)


@transaction.atomic
def remove_budget(organisation: Organisation, *, by: User, now: datetime) -> None:
    """Have no budget any more, and so no stop."""
    owner = lock(organisation)
    count, _ = Budget.objects.filter(organisation=owner).delete()
    if count:
        record(owner, BudgetRemoved(), by=f"user:{by.pk}", now=now)
        owner.stopped_until = owner.warned_until = None
        owner.save(update_fields=["stopped_until", "warned_until"])


def _event(budget: Budget) -> BudgetSet:
    return BudgetSet(
        amount=budget.amount,
        currency=budget.currency,
        thresholds=sorted(budget.thresholds),
        stops=budget.stops,
    )
