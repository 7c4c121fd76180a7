"""Hold budgets against the bills to come: tell what is reached, and stop what was to be stopped."""

from datetime import datetime

from django.db import transaction

from billing.budgets.coming import bill_of, running_draft
from billing.budgets.events import BudgetReached, UsageStopped, record
from billing.budgets.models import Budget, BudgetAlert, Threshold
from billing.budgets.rules import Bill, reached
from catacloud.accounts.models import Organisation
from eventstore.events import Event


def evaluate(organisation: Organisation, *, now: datetime) -> None:
    """Hold an organisation's budget, if it has one, against its bill. Again, it changes nothing.

    It takes as many queries for any amount of usage. Alerts are sent by mailing.py.
    """
    if not Budget.objects.filter(organisation=organisation).exists():
        return
    draft = running_draft(organisation, now=now)
    with transaction.atomic():
        owner = lock(organisation)
        budget = Budget.objects.filter(organisation=owner).first()
        bill = bill_of(draft) if draft else None
        if budget is None or bill is None or bill.currency != budget.currency:
            _mark(owner, stopped_until=None, warned_until=None)
            return
        _hold_against(owner, budget, bill, now)
    organisation.stopped_until, organisation.warned_until = owner.stopped_until, owner.warned_until


def lock(organisation: Organisation) -> Organisation:
    """Let changes of a budget wait for each other, until the transaction ends."""
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


def _hold_against(owner: Organisation, budget: Budget, bill: Bill, now: datetime) -> None:
    found = reached(bill, amount=budget.amount)
    wanted = [one for one in found if one in budget.thresholds]
    known = BudgetAlert.objects.filter(
        organisation=owner,
        starts_on=bill.days.first,
        amount=budget.amount,
        currency=budget.currency,
    ).values_list("threshold", flat=True)
    told = set(known)
    alerts = [
        BudgetAlert(
            organisation=owner,
            starts_on=bill.days.first,
            threshold=one,
            amount=budget.amount,
            currency=budget.currency,
            total=bill.total,
            reached_at=now,
        )
        for one in wanted
        if one not in told
    ]
    BudgetAlert.objects.bulk_create(alerts)
    until = bill.days.ends_in(owner.zone)
    stops = budget.stops and Threshold.ALL in found
    events: list[Event] = [_event(one) for one in alerts]
    if stops and owner.stopped_until != until:
        events.append(UsageStopped(until=until))
    if events:
        record(owner, *events, by=None, now=now)
    if alerts:
        owner.warned_at = now
        owner.save(update_fields=["warned_at"])
    _mark(
        owner,
        stopped_until=until if stops else None,
        warned_until=until if wanted or stops else None,
    )


def _event(alert: BudgetAlert) -> BudgetReached:
    return BudgetReached(
        threshold=alert.threshold,
        starts_on=alert.starts_on,
        total=alert.total,
        amount=alert.amount,
        currency=alert.currency,
    )


def _mark(
    owner: Organisation, *, stopped_until: datetime | None, warned_until: datetime | None
) -> None:
    if (owner.stopped_until, owner.warned_until) != (stopped_until, warned_until):
        owner.stopped_until, owner.warned_until = stopped_until, warned_until
        owner.save(update_fields=["stopped_until", "warned_until"])
