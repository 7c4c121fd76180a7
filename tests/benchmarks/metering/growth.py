"""Ingestion and saga with 1 M and with 30 M events stored: a quarter of an hour, and 20 GB."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

import psycopg
from django.conf import settings

from billing.metering.folding.saga import CONSUMER
from tests.benchmarks.harness import Measure, Options, at_most
from tests.benchmarks.metering.folding import FOLDER
from tests.benchmarks.metering.ingestion import CLIENTS, SENDER
from tests.benchmarks.metering.place import Place, place
from tests.benchmarks.usage import fill
from tests.benchmarks.usage.example import BATCH
from tests.benchmarks.workers import Team

STORED = (1_000_000, 30_000_000)
BATCHES, RUNS = 5, 8

DONE = """
INSERT INTO eventstore_checkpoint (consumer, partition, position, error)
SELECT %(consumer)s, partition, (SELECT last_value FROM eventstore_position), ''
FROM generate_series(0, %(partitions)s - 1) AS partition
"""
HORIZON = """
INSERT INTO eventstore_horizon (id, position)
SELECT 1, last_value FROM eventstore_position
ON CONFLICT (id) DO UPDATE SET position = excluded.position
"""
# What was read of the events, whatever the plans are. Processes tell it once a second.
READ = """
SELECT
    (SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname ~ '^eventstore_storedevent'),
    (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname ~ '^eventstore_storedevent')
"""
TOLD = 1.5  # seconds


class _Store:
    """A platform that has so much stored, and how fast it took and folded more, turn by turn."""

    def __init__(self, stack: ExitStack, *, name: str, events: int) -> None:
        here = stack.enter_context(place(name))
        _fill(here, events)
        self.where = {"port": stack.enter_context(here.web()), "key": here.key}
        self.senders = stack.enter_context(Team(SENDER, url="", size=CLIENTS))
        self.folder = stack.enter_context(Team(FOLDER, url=here.url))
        self.speeds: dict[str, list[float]] = {"ingestion": [], "saga": []}
        self.url, self.before = here.url, _read(here.url)

    def turn(self, number: int) -> None:
        self.senders.ask("prepare", run=f"run-{number}", batches=BATCHES)
        self.speeds["ingestion"].append(self.senders.speed("send", **self.where))
        self.speeds["saga"].append(self.folder.speed("fold"))

    def read(self) -> tuple[int, float]:
        """Return how often a table of events was read as a whole, and index entries an event."""
        whole, entries = (
            int(now - then) for now, then in zip(_read(self.url), self.before, strict=True)
        )
        return whole, entries / (RUNS * BATCHES * BATCH * CLIENTS)


def growth(name: str, options: Options) -> Iterator[Measure]:
    with ExitStack() as stack:
        stores = [
            _Store(stack, name=f"of_{number}", events=int(events * options.scale))
            for number, events in enumerate(STORED)
        ]
        for number in range(RUNS):
            for store in stores:
                store.turn(number)
            stores.reverse()  # RUNS is even
        (few, small), (many, large) = (store.read() for store in stores)
    for what, speeds in stores[0].speeds.items():
        cost = median(speeds) / median(stores[1].speeds[what])
        yield Measure(f"{name}: {what}", "×", cost, bars=[at_most(1.2)])
    yield Measure(f"{name}: read of indexes", "×", large / small, bars=[at_most(1.2)])
    yield Measure(f"{name}: tables read as a whole", "", few + many, bars=[at_most(0)])


def _fill(here: Place, events: int) -> None:
    partitions = settings.EVENTSTORE_PARTITIONS
    fill.usage(here.url, tenants=here.tenants, partitions=partitions, events=events)
    count_as_folded(here)


def count_as_folded(here: Place) -> None:
    """Let the saga's checkpoints stand after what was filled: only what comes later is folded."""
    partitions = settings.EVENTSTORE_PARTITIONS
    with psycopg.connect(here.url) as connection:
        connection.execute(DONE, {"consumer": CONSUMER, "partitions": partitions})
        connection.execute(HORIZON)


def _read(url: str) -> tuple[int, int]:
    time.sleep(TOLD)
    with psycopg.connect(url) as connection:
        row: tuple[int, int] = connection.execute(READ).fetchone() or (0, 0)
    return row
