import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from billing.invoicing.models import Invoice
from billing.invoicing.proving import verification_runs
from billing.invoicing.proving.verifying import verify
from billing.invoicing.tasks import verify_invoice

PATIENCE = 60.0  # seconds without any progress, until it goes on by itself
LOOK_EVERY = 0.2
AT_ONCE = 200  # invoices that wait for workers


class Command(BaseCommand):
    help = (
        "Make all invoices anew from their raw events, by Celery's workers in parallel, and "
        "compare them to the cent. One line per invoice that differs, exit code 1 if any does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", required=True, help="every invoice")
        parser.add_argument(
            "--here", action="store_true", help="in this process, without any worker"
        )

    def handle(self, *, here: bool, **options: Any) -> str:
        invoices = list(Invoice.objects.order_by("pk").values_list("pk", flat=True))
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Verifying", total=len(invoices))
            wrong = 0
            for start in range(0, len(invoices), AT_ONCE):
                part = invoices[start : start + AT_ONCE]
                for difference in _verified(part, here=here):
                    progress.advance(bar)
                    if difference:
                        self.stdout.write(difference)
                        wrong += 1
        if wrong:
            raise CommandError(f"{wrong} of {len(invoices)} differ.")
        return f"{len(invoices)} invoices are as their events make them, to the cent."


def _verified(invoices: list[int], *, here: bool) -> Iterator[str]:
    """Yield the first difference of each, empty where there is none, as they come."""
    waiting = set(invoices)
    if not here:
        run, last = verification_runs.new(), time.monotonic()
        for pk in invoices:
            verify_invoice.delay(invoice_id=pk, run=run)
        while waiting and time.monotonic() - last < PATIENCE:
            found = verification_runs.results(run, waiting)
            waiting -= set(found)
            if found:
                last = time.monotonic()
            yield from found.values()
            time.sleep(LOOK_EVERY if waiting else 0)
    for pk in sorted(waiting):  # nobody took them
        yield verify(Invoice.objects.get(pk=pk)) or ""
