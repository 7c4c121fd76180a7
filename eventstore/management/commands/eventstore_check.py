from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from eventstore.check import findings, notes


class Command(BaseCommand):
    help = (
        "Check every stream, event, snapshot and checkpoint: one line per finding, exit code 1 if "
        "there is any. Writes nothing; appends may go on meanwhile."
    )

    def handle(self, **options: Any) -> str:
        count = 0
        # The bar goes to stderr, so that stdout has nothing but findings.
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Checking")

            def watch(what: str, done: int, total: int) -> None:
                progress.update(bar, description=what, completed=done, total=total)

            for finding in findings(watch=watch):
                self.stdout.write(finding)
                count += 1
        for note in notes():
            self.stdout.write(f"On record: {note}")
        if count:
            raise CommandError(f"{count} finding{'s' * (count > 1)}.")
        return "The event store is as it must be."
