"""Celery's doors into budgets: ids in, one function called, safe to repeat."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from billing.budgets import mailing
from billing.budgets.evaluating import evaluate
from billing.budgets.models import Budget
from catacloud.accounts.models import Organisation


@shared_task
def watch_budgets(**_: object) -> None:
    """Ring for every organisation that has a budget."""
    for organisation_id in Budget.objects.values_list("pk", flat=True):
        watch_budget.delay(organisation_id=str(organisation_id))


@shared_task
def watch_budget(*, organisation_id: str, **_: object) -> None:
    """Hold a budget against the bill to come, and send what is to be told."""
    organisation = Organisation.objects.get(pk=UUID(organisation_id))
    now = timezone.now()
    evaluate(organisation, now=now)
    mailing.send(organisation, now=now)
