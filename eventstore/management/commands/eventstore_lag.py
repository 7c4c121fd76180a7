from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore import feed, horizon
from eventstore.holds import Hold
from eventstore.lag import PartitionLag


class Command(BaseCommand):
    help = (
        "Print a line for each consumer and partition that is behind, failing or held at a gap. "
        "A partition that a consumer has never had counts from the first event on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--consumer", help="only this one (default: all)")
        parser.add_argument(
            "--fail-behind",
            metavar="SECONDS",
            type=float,
            help="exit with 1 where an event has waited for longer than this",
        )

    def handle(self, *, consumer: str | None, fail_behind: float | None, **options: Any) -> None:
        horizon.advance()
        hold = feed.hold()
        behind = [one for one in feed.lags(consumer=consumer) if one.events]
        for one in behind:
            self.stdout.write(_line(one, hold))
        late = [] if fail_behind is None else [one for one in behind if one.seconds > fail_behind]
        if late:
            raise CommandError(f"{len(late)} partitions are behind by more than {fail_behind:g} s.")


def _line(one: PartitionLag, hold: Hold | None) -> str:
    parts = [f"{one.consumer} {one.partition}: {one.events} events, {one.seconds:.1f} s behind"]
    if one.attempts:
        parts.append(
            f"failing at position {one.failed_position} (attempt {one.attempts}, "
            f"next at {one.retry_at:%H:%M:%S}): {one.error}"
        )
    if one.held and hold:
        parts.append(f"{one.held} held: {hold}")
    return "; ".join(parts)
