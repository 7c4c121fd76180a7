import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore import failures


class Command(BaseCommand):
    help = (
        "Move a consumer past the event that it fails at, for ever. The event becomes a dead "
        "letter with the reason; it stays in the store, and other consumers see it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("consumer")
        parser.add_argument("position", type=int, help="of the failing event: see eventstore_lag")
        parser.add_argument("--reason", required=True, help="why this is right; it is kept")
        parser.add_argument("--by", help="who decides (default: the user of the system)")

    def handle(
        self, *, consumer: str, position: int, reason: str, by: str | None, **options: Any
    ) -> str:
        if not reason.strip():
            raise CommandError("Say a reason: it is all that will be known about this later.")
        try:
            letter = failures.skip(
                consumer=consumer, position=position, reason=reason, by=by or getpass.getuser()
            )
        except failures.NotFailing as error:
            raise CommandError(str(error)) from error
        return f"{consumer} skips stream {letter.stream_id}, version {letter.version}."
