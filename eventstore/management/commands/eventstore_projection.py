from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from eventstore import projection
from eventstore.failures import PoisonedEvent
from eventstore.lag import lag
from eventstore.projection import Projection

INTERRUPTED = 130  # the exit code of whoever ends by Ctrl-C


class Command(BaseCommand):
    help = (
        "Build a version of a projection beside the live one (rebuild: interrupted and run again, "
        "it goes on from where it was), make it live (switch), or say how far it is (status)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("do", choices=["rebuild", "switch", "status"])
        # Not --version, which every command of Django has for another thing.
        parser.add_argument("--of", type=int, metavar="VERSION", help="default: the newest")

    def handle(self, *, name: str, do: str, of: int | None, **options: Any) -> str:
        try:
            wanted = projection.registered(name, of)
            return {"rebuild": _rebuild, "switch": _switch, "status": _status}[do](wanted)
        except (
            projection.NoSuchProjection,
            projection.NotCaughtUp,
            PoisonedEvent,
        ) as error:
            raise CommandError(str(error)) from error


def _rebuild(wanted: Projection) -> str:
    # The bar goes to stderr, so that stdout has nothing but the result.
    with Progress(console=Console(stderr=True), transient=True) as progress:
        total = lag(consumer=wanted.consumer).events
        bar = progress.add_task(f"Rebuilding {wanted.consumer}", total=total)
        try:
            done = projection.rebuild(
                wanted, watch=lambda done: progress.update(bar, completed=done)
            )
        except KeyboardInterrupt:
            left = lag(consumer=wanted.consumer).events
            raise CommandError(
                f"Interrupted with {left} events to go: run it again, and it goes on from here.",
                returncode=INTERRUPTED,
            ) from None
    return f"{wanted.consumer} has handled {done} events. {_status(wanted)}"


def _switch(wanted: Projection) -> str:
    projection.switch(wanted)
    return _status(wanted)


def _status(wanted: Projection) -> str:
    live = projection.live_version(wanted.name)
    behind = lag(consumer=wanted.consumer)
    shown = "no version is live" if live is None else f"version {live} is live"
    return (
        f"{wanted.consumer} is behind by {behind.events} events ({behind.seconds:.0f} s); {shown}."
    )
