from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from billing.revenue import keeping

INTERRUPTED = 130  # the exit code of whoever ends by Ctrl-C


class Command(BaseCommand):
    help = (
        "Work out what the days of 13 months brought in, by organisation and service, for the "
        "overview. Workers do it too, by and by; both may be at it at once. Interrupted or killed, "
        "run it again: it goes on from where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anew", action="store_true", help="forget what is there before")

    def handle(self, *, anew: bool, **options: Any) -> str:
        if anew:
            keeping.forget()
        # The bar goes to stderr, so that stdout has nothing but the result.
        with Progress(console=Console(stderr=True), transient=True) as bars:
            now = timezone.now()
            start = keeping.progress(now=now)
            bar = bars.add_task("Working out revenue", completed=start.done, total=start.total)
            try:
                keeping.fill(
                    now=now,
                    seconds=float("inf"),
                    watch=lambda one: bars.update(bar, completed=one.done, total=one.total),
                )
            except KeyboardInterrupt:
                raise CommandError(
                    "Interrupted: run it again, and it goes on from here.", returncode=INTERRUPTED
                ) from None
        known_from = keeping.begin(now=now).known_from
        return f"The revenue of days from {known_from} on is known."
