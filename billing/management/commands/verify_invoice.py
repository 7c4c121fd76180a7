from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.invoicing.models import Invoice
from billing.invoicing.proving.verifying import verify


class Command(BaseCommand):
    help = (
        "Make an invoice anew from its raw events and the versions in force, and compare it to the "
        "cent. Names the first difference, exit code 1 if there is one. Writes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="NUMBER", help="such as INV-2026-00042")

    def handle(self, *, number: str, **options: Any) -> str:
        invoice = Invoice.objects.filter(number=number).first()
        if invoice is None:
            raise CommandError(f"There is no invoice {number!r}.")
        if difference := verify(invoice):
            raise CommandError(difference)
        return f"{number} is as its events make it, to the cent."
