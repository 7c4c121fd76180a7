import logging
from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone
from rich.progress import track

from billing.invoicing.closing.close import (
    CLOSED_TOGETHER,
    PeriodNotOver,
    close_period,
    close_periods,
    organisations_to_close,
)
from billing.periods import Days, month_before, month_of
from catacloud.accounts.models import Organisation

FIRST_TO_END = ZoneInfo("Pacific/Kiritimati")  # no zone is further east
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Invoice a month that is over: for every organisation that was on a plan at its end and "
        "has no invoice for it yet, once the time for late events is over. Can be run again at any "
        "time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", type=_month, help="such as 2026-10 (default: the last one)")
        parser.add_argument("--organisation", metavar="SLUG", help="only this one (default: all)")
        parser.add_argument(
            "--without-grace", action="store_true", help="do not wait for late events any longer"
        )

    def handle(
        self, *, month: Days | None, organisation: str | None, without_grace: bool, **options: Any
    ) -> str:
        now = timezone.now()
        days = month or month_before(month_of(now.date()))
        if days.ends_in(FIRST_TO_END) > now:
            raise CommandError(str(PeriodNotOver(days, FIRST_TO_END.key)))
        grace = timedelta() if without_grace else settings.INVOICE_GRACE
        organisations = _chosen(organisation, days, now, grace)
        failed = _close_each(organisations, days, now, grace)
        result = f"{days.first:%Y-%m}: {len(organisations) - len(failed)} invoiced."
        if failed:
            raise CommandError(f"{result} {len(failed)} failed: {', '.join(failed)}.")
        return result


def _month(text: str) -> Days:
    try:
        return month_of(datetime.strptime(text, "%Y-%m").date())  # noqa: DTZ007 (a month has none)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no month such as 2026-10.") from error


def _chosen(
    slug: str | None, days: Days, now: datetime, grace: timedelta
) -> QuerySet[Organisation]:
    if slug is None:
        return organisations_to_close(days=days, now=now, grace=grace)
    chosen = Organisation.objects.filter(slug=slug)
    if not chosen:
        raise CommandError(f"There is no organisation {slug!r}.")
    return chosen


def _close_each(
    organisations: QuerySet[Organisation], days: Days, now: datetime, grace: timedelta
) -> list[str]:
    """Return the slugs of those that failed: one must not keep the others from their invoice."""
    failed = []
    everyone = list(organisations)
    batches = [
        everyone[start : start + CLOSED_TOGETHER]
        for start in range(0, len(everyone), CLOSED_TOGETHER)
    ]
    for some in track(batches, description=f"Invoicing {days.first:%Y-%m}"):
        try:
            close_periods(organisations=[one.pk for one in some], days=days, now=now, grace=grace)
        except Exception:  # noqa: BLE001 (it comes again where it comes from)
            failed += _failed(some, days, now, grace)
    return failed


def _failed(
    organisations: Sequence[Organisation], days: Days, now: datetime, grace: timedelta
) -> list[str]:
    """Close each by itself, and return the slugs of those that failed."""
    failed = []
    for organisation in organisations:
        try:
            close_period(organisation=organisation, days=days, now=now, grace=grace)
        except Exception:
            logger.exception("%s was not invoiced", organisation.slug)
            failed.append(organisation.slug)
    return failed
