from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from billing.archiving import verifying
from billing.archiving.payloads import not_kept
from billing.archiving.writing import NotReadBack
from billing.metering.models import Service
from billing.metering.recounting.checking import Slice, Watch, findings
from billing.periods import ONE_DAY
from catacloud.accounts.models import Organisation


class Command(BaseCommand):
    help = (
        "Count usage anew from the raw events, independently of the saga, and compare it with the "
        "tables and the billing accounts; read archives, and compare them with their events. One "
        "line per finding, exit code 1 if there is any. "
        "Writes nothing; workers and appends may go on meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="only this one (default: all)")
        parser.add_argument("--service", metavar="SLUG", help="only this one (default: all)")
        parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="2026-11-01")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="this day included")

    def handle(self, **options: Any) -> str:
        wanted, count = _slice(**options), 0
        # The bar goes to stderr, so that stdout has nothing but findings.
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Checking")

            def watch(what: str, done: int, total: int) -> None:
                progress.update(bar, description=what, completed=done, total=total)

            try:
                for finding in _findings(wanted, watch):
                    self.stdout.write(finding)
                    count += 1
            except NotReadBack as error:
                raise CommandError(f"{error} Without it, usage cannot be counted.") from error
        if count:
            raise CommandError(f"{count} finding{'s' * (count > 1)}.")
        return "Usage is as its events make it."


def _findings(wanted: Slice, watch: Watch) -> Iterator[str]:
    """Look through the archives first, for where they do not keep enough they are counted from."""
    yield from verifying.findings(wanted, watch=watch)
    yield from findings(wanted, payloads=not_kept(), watch=watch)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day such as 2026-11-01.") from error


def _slice(
    *,
    organisation: str | None,
    service: str | None,
    first: date | None,
    last: date | None,
    **_: Any,
) -> Slice:
    if first and last and last < first:
        raise CommandError(f"There are no days from {first} to {last}.")
    return Slice(
        organisation_id=_id(Organisation, organisation) if organisation else None,
        service_id=_id(Service, service) if service else None,
        first=first,
        end=last and last + ONE_DAY,
    )


def _id(model: type[Organisation | Service], slug: str) -> Any:
    found = model._default_manager.filter(slug=slug).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no {model._meta.verbose_name} {slug!r}.")
    return found
