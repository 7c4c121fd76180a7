from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from rich.console import Console
from rich.progress import Progress

from eventstore import chain


class Command(BaseCommand):
    help = (
        "Link the events of each stream by a chain of digests, which eventstore_check then checks. "
        "'on' also links the events that stand already; killed, run it again. Appends may go on "
        "meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["on", "off", "status"])

    def handle(self, *, what: str, **options: Any) -> str:
        try:
            if what == "on":
                return f"{_turn_on()} events were linked. The chain is on."
            if what == "off":
                chain.turn_off()
        except OperationalError as error:
            raise CommandError(f"Another transaction is in the way, try again: {error}") from error
        status = chain.status()
        return (
            f"The chain is {'on' if status.on else 'off'}; "
            f"{status.linked} of {status.events} events are linked."
        )


def _turn_on() -> int:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Linking events")
        return chain.turn_on(
            watch=lambda done, total: progress.update(bar, completed=done, total=total)
        )
