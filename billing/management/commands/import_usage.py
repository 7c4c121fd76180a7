import csv
import gzip
import io
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.text import slugify
from rich.progress import wrap_file

from billing.metering import traces
from billing.metering.ingesting import ingestion
from catacloud.accounts.models import ApiKey
from catacloud.accounts.organisations import create_missing

BATCH = 1000  # events


class Command(BaseCommand):
    help = (
        "Send a usage trace (CSV, also .gz) through the same door as any other usage. "
        "Organisations that do not exist are created. Repeat it as you like: an event counts once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", required=True, choices=sorted(traces.FORMATS))

    def handle(self, *, file: Path, format: str, **options: Any) -> str:
        sent = new = 0
        try:
            with _rows(file) as rows:
                events = traces.FORMATS[format](rows)
                while batch := list(islice(events, BATCH)):
                    new += _send(batch)
                    sent += len(batch)
        except (OSError, traces.BadRow, ingestion.BadBatch) as error:
            raise CommandError(f"{file}: {error} {sent} events were sent before.") from error
        return f"Sent {sent} events, {new} of them new."


def _send(batch: list[traces.UsageEvent]) -> int:
    """Send a batch as a service with a platform key would; return how many events were new."""
    now = timezone.now()
    create_missing((event["subject"] for event in batch), now=now)
    for event in batch:
        event["subject"] = slugify(event["subject"])
    body = msgspec.json.encode(batch)
    return ingestion.accept(ingestion.parse(body), key=ApiKey(prefix="import"), now=now)


@contextmanager
def _rows(file: Path) -> Iterator[Iterator[traces.Row]]:
    """Read the file's rows one by one, with a bar for how much of it has been read."""
    with (
        file.open("rb") as raw,
        wrap_file(raw, file.stat().st_size, description=f"Importing {file.name}") as counted,
        gzip.open(counted) if file.suffix == ".gz" else nullcontext(counted) as content,
    ):
        yield csv.DictReader(io.TextIOWrapper(content, encoding="utf-8", newline=""))
