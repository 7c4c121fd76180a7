from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore import consumers, feed


class Command(BaseCommand):
    help = (
        "Hand events to a consumer that an app has registered, as they come, until SIGTERM or "
        "Ctrl-C; it finishes the batch at hand. Any number of these may run, beside other workers "
        "of the consumer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the consumer")

    def handle(self, *, name: str, **options: Any) -> str:
        try:
            wanted = consumers.registered(name)
        except consumers.NoSuchConsumer as error:
            raise CommandError(str(error)) from error
        feed.follow(consumer=wanted.name, handle=wanted.handle, limit=wanted.limit)
        return f"{wanted.name} has stopped."
