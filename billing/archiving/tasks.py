"""Celery's doors into archiving: ids in, safe to repeat."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils import timezone

from billing.archiving import dropping, writing
from catacloud.accounts.models import Organisation


@shared_task
def archive(**_: object) -> None:
    """Ring for every organisation, if a setting says when raw usage goes to archives."""
    if settings.ARCHIVE_USAGE_AFTER_DAYS is None:
        return
    for organisation_id in Organisation.objects.values_list("pk", flat=True):
        archive_organisation.delay(organisation_id=str(organisation_id))


@shared_task
def archive_organisation(*, organisation_id: str, **_: object) -> None:
    """Archive what is due; drop payloads where a second setting says so.

    Where its time is too short for all of it, another one goes on.
    """
    if settings.ARCHIVE_USAGE_AFTER_DAYS is None:
        return
    organisation = Organisation.objects.get(pk=UUID(organisation_id))
    now, after = timezone.now(), timedelta(days=settings.ARCHIVE_USAGE_AFTER_DAYS)
    try:
        writing.archive(organisation, now=now, after=after)
        if settings.DROP_ARCHIVED_PAYLOADS:
            dropping.drop(organisation, now=now)
    except SoftTimeLimitExceeded:
        archive_organisation.delay(organisation_id=organisation_id)
