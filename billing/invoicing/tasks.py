"""Celery's doors into billing: ids in, one function called, safe to repeat."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from billing.invoicing.closing.close import CLOSED_TOGETHER, close_periods, organisations_to_close
from billing.invoicing.closing.due import due_periods
from billing.invoicing.documents import issued_files, mailing
from billing.invoicing.models import Invoice
from billing.invoicing.proving import verification_runs, verifying
from billing.invoicing.settling.after import IssuedFile
from billing.periods import Days, month_before, month_of

MOST_AT_ONCE = 500
logger = logging.getLogger(__name__)


@shared_task
def close_due(**_: object) -> None:
    """Ring for every billing period that is over and not invoiced, for many accounts at once."""
    by_days: defaultdict[Days, list[UUID]] = defaultdict(list)
    for due in due_periods(now=timezone.now(), grace=settings.INVOICE_GRACE):
        by_days[due.days].append(due.organisation_id)
    for days in sorted(by_days, key=lambda days: (days.end, days.first)):
        _ring(by_days[days], days)


@shared_task
def close_accounts(
    *, organisation_ids: list[str], first_day: str, end_day: str, **_: object
) -> None:
    """Invoice the period of many accounts in one transaction: again, or in another order, it
    changes nothing. Where that fails, each of them has a task of its own, so that none waits for
    another one's fault.
    """
    days = Days(date.fromisoformat(first_day), date.fromisoformat(end_day))
    try:
        invoices = close_periods(
            organisations=[UUID(one) for one in organisation_ids],
            days=days,
            now=timezone.now(),
            grace=settings.INVOICE_GRACE,
        )
    except Exception:
        if len(organisation_ids) > 1:
            for one in organisation_ids:
                _ring([UUID(one)], days)
        raise
    logger.info("%s of %s accounts is invoiced", first_day, len(invoices))


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
    _ring(list(due.values_list("pk", flat=True)), days)


def _ring(organisations: Sequence[UUID], days: Days) -> None:
    for start in range(0, len(organisations), CLOSED_TOGETHER):
        close_accounts.delay(
            organisation_ids=[str(one) for one in organisations[start : start + CLOSED_TOGETHER]],
            first_day=days.first.isoformat(),
            end_day=days.end.isoformat(),
        )


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
