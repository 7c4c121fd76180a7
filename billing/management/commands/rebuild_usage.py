from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from billing.archiving.payloads import not_kept
from billing.archiving.writing import NotReadBack
from billing.metering.models import Service
from billing.metering.recounting import rebuilding
from eventstore.failures import PoisonedEvent
from eventstore.lag import lag

INTERRUPTED = 130  # the exit code of whoever ends by Ctrl-C


class Command(BaseCommand):
    help = (
        "Build the tables of usage anew from their events, beside the live ones; then put right "
        "what differs, in one transaction, the billing accounts too. Workers and appends may go on "
        "meanwhile. Interrupted or killed, run it again: it goes on from where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--service", metavar="SLUG", help="only this one (default: all)")
        parser.add_argument(
            "--drop", action="store_true", help="forget a rebuild that was interrupted"
        )

    def handle(self, *, service: str | None, drop: bool, **options: Any) -> str:
        try:
            if drop:
                rebuilding.drop()
                return "No rebuild is under way now."
            return _rebuild(_service(service))
        except (rebuilding.AnotherRebuild, NotReadBack, PoisonedEvent) as error:
            raise CommandError(str(error)) from error


def _service(slug: str | None) -> Service | None:
    if slug is None:
        return None
    found = Service.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no service {slug!r}.")
    return found


def _rebuild(service: Service | None) -> str:
    # The bar goes to stderr, so that stdout has nothing but the result.
    with Progress(console=Console(stderr=True), transient=True) as progress:
        total = lag(consumer=rebuilding.CONSUMER).events
        bar = progress.add_task("Rebuilding usage", total=total)
        try:
            result = rebuilding.rebuild(
                service,
                now=timezone.now(),
                payloads=not_kept(),
                watch=lambda done: progress.update(bar, completed=done),
            )
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted: run it again, and it goes on from here.", returncode=INTERRUPTED
            ) from None
    return (
        f"Folded {result.events} events; {result.rows} rows and {result.accounts} accounts were "
        "wrong, and are right now."
    )
