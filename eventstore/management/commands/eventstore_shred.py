from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore import shredding


class Command(BaseCommand):
    help = (
        "Erase a tenant's personal values from its events for ever, by shredding its key. What is "
        "counted and billed stays. Old backups still have the key and the values."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", type=UUID)
        parser.add_argument("--by", required=True, help="who decides; it is kept")
        parser.add_argument("--reason", required=True, help="why; it is kept")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, tenant: UUID, by: str, reason: str, yes: bool, **options: Any) -> str:
        if not by.strip() or not reason.strip():
            raise CommandError("Say who and why: it is all that will be known about this later.")
        if not yes and input(f"Shred the key of tenant {tenant} for ever? Type yes: ") != "yes":
            raise CommandError("Nothing was shredded.")
        done = shredding.shred(tenant_id=tenant, by=by, reason=reason)
        record = done.record
        return (
            f"The key of tenant {tenant} was shredded on {record.shredded_at:%Y-%m-%d %H:%M %Z} by "
            f"{record.shredded_by}: {record.events} events had sealed fields. "
            f"Plain values were withdrawn from {done.withdrawn} events now."
        )
