from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore import failures


class Command(BaseCommand):
    help = "Let a partition try its failing event again at once, rather than after its back-off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("consumer")
        parser.add_argument("partition", type=int)

    def handle(self, *, consumer: str, partition: int, **options: Any) -> str:
        try:
            failures.retry(consumer=consumer, partition=partition)
        except failures.NotFailing as error:
            raise CommandError(str(error)) from error
        return f"{consumer} may try partition {partition} again now."
