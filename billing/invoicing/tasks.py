"""Celery's doors into billing: ids in, one function called, safe to repeat."""

import logging
from datetime import date
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from billing.invoicing import issued_files, mailing, verification_runs, verifying
from billing.invoicing.after import IssuedFile
from billing.invoicing.close import close_period, organisations_to_close
from billing.invoicing.due import due_periods
from billing.invoicing.models import Invoice
from billing.periods import Days, month_before, month_of
from catacloud.accounts.models import Organisation

MOST_AT_ONCE = 500
logger = logging.getLogger(__name__)


@shared_task
def close_due(**_: object) -> None:
    """Ring for every billing period that is over and not invoiced, one task for each account."""
    for due in due_periods(now=timezone.now(), grace=settings.INVOICE_GRACE):
        close_account.delay(
            organisation_id=str(due.organisation_id),
            first_day=due.days.first.isoformat(),
            end_day=due.days.end.isoformat(),
        )


@shared_task
def close_account(*, organisation_id: str, first_day: str, end_day: str, **_: object) -> None:
    """Invoice one account's period: again, or in another order, it changes nothing."""
    invoice = close_period(
        organisation=Organisation.objects.get(pk=UUID(organisation_id)),
        days=Days(date.fromisoformat(first_day), date.fromisoformat(end_day)),
        now=timezone.now(),
        grace=settings.INVOICE_GRACE,
    )
    logger.info("%s of %s is invoiced: %s", first_day, organisation_id, invoice.number)


@shared_task
def close_month(*, first_day: str | None = None, **_: object) -> None:
    """Ring for every organisation whose month (default: the last one) has no invoice yet.

    Where the month, with the time for late events, is not over yet, the next call finds it.
    """
    now = timezone.now()
    days = month_before(month_of(now.date()))
    if first_day:
        days = month_of(date.fromisoformat(first_day))
    due = organisations_to_close(days=days, now=now, grace=settings.INVOICE_GRACE)
    for organisation_id in due.values_list("pk", flat=True):
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
        grace=settings.INVOICE_GRACE,
    )
    logger.info("%s of %s is invoiced: %s", first_day, organisation.slug, invoice.number)


@shared_task
def issue_file(*, kind: str, document_id: int, **_: object) -> None:
    """Make the PDF of an invoice or a credit note, unless it is there, and ring for its e-mail."""
    file = issued_files.issue(issued_files.find(kind, document_id), now=timezone.now())
    send_file.delay(file_id=file.pk)


@shared_task
def send_file(*, file_id: int, **_: object) -> None:
    mailing.send(IssuedFile.objects.get(pk=file_id), now=timezone.now())


@shared_task
def issue_files(**_: object) -> None:
    """Ring for what has no file yet, and for files that are not sent: a sweep, so that whoever
    issues an invoice or a credit note needs no broker.
    """
    for kind, document_id in issued_files.missing(limit=MOST_AT_ONCE):
        issue_file.delay(kind=kind, document_id=document_id)
    for file_id in mailing.unsent(limit=MOST_AT_ONCE):
        send_file.delay(file_id=file_id)


@shared_task
def verify_invoice(*, invoice_id: int, run: str, **_: object) -> None:
    """Make an invoice anew from its events, and keep how that went for whoever waits for it."""
    invoice = Invoice.objects.get(pk=invoice_id)
    verification_runs.done(run, invoice, verifying.verify(invoice))
