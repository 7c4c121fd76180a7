"""Celery's doors into billing: ids in, one function called, safe to repeat."""

import logging
from datetime import date
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from billing.invoicing.close import close_period, organisations_to_close
from billing.periods import month_before, month_of
from catacloud.accounts.models import Organisation

logger = logging.getLogger(__name__)


@shared_task
def close_month(*, first_day: str | None = None, **_: object) -> None:
    """Ring for every organisation whose month (default: the last one) has no invoice yet.

    Where the month is not over in its time zone yet, the next call finds it.
    """
    now = timezone.now()
    days = month_before(month_of(now.date()))
    if first_day:
        days = month_of(date.fromisoformat(first_day))
    for organisation_id in organisations_to_close(days=days, now=now).values_list("pk", flat=True):
        close_organisation_month.delay(
            organisation_id=str(organisation_id), first_day=days.first.isoformat()
        )


@shared_task
def close_organisation_month(*, organisation_id: str, first_day: str, **_: object) -> None:
    organisation = Organisation.objects.get(pk=UUID(organisation_id))
    invoice = close_period(
        organisation=organisation,
        days=month_of(date.fromisoformat(first_day)),
        now=timezone.now(),
    )
    logger.info("%s of %s is invoiced: %s", first_day, organisation.slug, invoice.number)
