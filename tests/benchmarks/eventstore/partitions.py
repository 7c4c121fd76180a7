"""What appends and loads cost in partitioned tables, beside plain ones of as many events."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from tests.benchmarks.databases import fresh
from tests.benchmarks.eventstore import fill
from tests.benchmarks.eventstore.growth import Store, costs
from tests.benchmarks.harness import Measure, Options
from tests.benchmarks.workers import ROOT

EACH, STREAMS = 100, 10_000


def partitions(name: str, options: Options) -> Iterator[Measure]:
    """Only the tables differ: both sides have the same settings, and so the same feed."""
    streams = int(STREAMS * options.scale)
    with fresh("one", template="template1") as one, fresh("eight", template="template1") as eight:
        for url, count in ((one, 1), (eight, 8)):
            _migrate(url, partitions=count)
            fill.streams(url, count=streams, each=EACH)
            fill.settle(url)
        yield from costs(name, Store(one, streams), Store(eight, streams), bar=1.1)


def _migrate(url: str, *, partitions: int) -> None:
    environment = {"DATABASE_URL": url, "EVENTSTORE_PARTITIONS": str(partitions)}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | environment)


MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "8 table partitions beside 1, at 1 M events": partitions,
}
