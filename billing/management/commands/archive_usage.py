from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from billing.archiving import dropping, writing
from billing.archiving.writing import NotReadBack
from catacloud.accounts.models import Organisation
from eventstore.archives import ArchiveDiffers


class Command(BaseCommand):
    help = (
        "Write raw usage of months that have been closed for long enough to Parquet files, and "
        "read them back. With --drop, also drop the payloads that are archived: identities, "
        "digests and what services read stay. Interrupted or killed, run it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="only this one (default: all)")
        parser.add_argument(
            "--after-days",
            type=int,
            default=settings.ARCHIVE_USAGE_AFTER_DAYS,
            help="how long a month has to be closed (default: ARCHIVE_USAGE_AFTER_DAYS)",
        )
        parser.add_argument("--drop", action="store_true", help="drop payloads as well")

    def handle(
        self, *, organisation: str | None, after_days: int | None, drop: bool, **options: Any
    ) -> str:
        if after_days is None or after_days < 0:
            raise CommandError("Say with --after-days how long a month has to be closed.")
        written = dropped = 0
        # The bar goes to stderr, so that stdout has nothing but the result.
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for one in progress.track(_chosen(organisation), description="Archiving usage"):
                events, gone = _archive(one, timedelta(days=after_days), drop=drop)
                written, dropped = written + events, dropped + gone
        return f"Archived {written} events; dropped the payloads of {dropped}."


def _chosen(slug: str | None) -> list[Organisation]:
    chosen = Organisation.objects.order_by("slug")
    found = list(chosen.filter(slug=slug) if slug else chosen)
    if slug and not found:
        raise CommandError(f"There is no organisation {slug!r}.")
    return found


def _archive(organisation: Organisation, after: timedelta, *, drop: bool) -> tuple[int, int]:
    now = timezone.now()
    try:
        written = writing.archive(organisation, now=now, after=after)
        return written, dropping.drop(organisation, now=now) if drop else 0
    except (NotReadBack, ArchiveDiffers) as error:
        raise CommandError(str(error)) from error
