"""Events over HTTP, beside COPY of the same rows; and how soon one is taken meanwhile."""

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles
from typing import Any

import psycopg

from tests.benchmarks.harness import Bar, Measure, Options, at_least, at_most, compare
from tests.benchmarks.metering.place import Place, place
from tests.benchmarks.usage.example import BATCH
from tests.benchmarks.workers import Team

SENDER = (sys.executable, "-m", "tests.benchmarks.usage.sender")
COPIER = (sys.executable, "-m", "tests.benchmarks.usage.copier")
CLIENTS, BATCHES, RUNS = 4, 15, 5
FAR_ABOVE = Bar("≥ 20,000", lambda measure: measure.ours >= 20_000)
SECONDS, REST, WINDOWS = 20, 0.01, 3


def batches(name: str, options: Options) -> Iterator[Measure]:
    """Every event of every run is new, on both sides."""
    count = max(1, int(BATCHES * options.scale))
    with (
        place("ingestion") as here,
        here.web() as port,
        Team(SENDER, url="", size=CLIENTS) as senders,
        Team(COPIER, url=here.url, size=CLIENTS) as copiers,
    ):
        where = {"port": port, "key": here.key}

        def ours(run: int | str) -> float:
            senders.ask("prepare", run=f"run-{run}", batches=count)
            return senders.speed("send", **where)

        def raw(run: int) -> float:
            copiers.ask("prepare", run=f"run-{run}", batches=count, tenants=here.tenants)
            return copiers.speed("copy")

        ours("warm")
        found = compare(
            name, "events/s", ours=ours, raw=raw, bars=[at_least(0.3), FAR_ABOVE], runs=RUNS
        )
        yield found
        _settle(here)
        with Team(SENDER, url="") as single:
            for load, events in (
                ("half of that load", found.ours / 2),
                ("half of 0.3 of COPY", 0.3 * (found.raw or 0) / 2),
            ):
                yield from _one_event(load, events, senders, single, where)


def _settle(here: Place) -> None:
    """Let the database end what two full speeds left it to do, half of which no client sent."""
    with psycopg.connect(here.url, autocommit=True) as db:
        db.execute("VACUUM (ANALYZE)")
        db.execute("CHECKPOINT")


def _one_event(
    load: str, events: float, senders: Team, single: Team, where: Mapping[str, Any]
) -> Iterator[Measure]:
    """Time single events while batches bring so many events a second: medians of windows."""
    every = CLIENTS * BATCH / events
    count = int(SECONDS / every) + 1
    p50s, p99s, reached = [], [], []
    for window in range(WINDOWS):
        run = f"{load} {window}"
        senders.ask("prepare", run=run, batches=count)
        with ThreadPoolExecutor() as pool:
            paced = pool.submit(senders.speed, "pace", every=every, **where)
            [reply] = single.ask("singles", run=run, seconds=SECONDS - 1, rest=REST, **where)
            reached.append(paced.result())
        cuts = quantiles(reply["times"], n=100)
        p50s.append(cuts[49])
        p99s.append(cuts[98])
    beside = f"one event, at {load} ({median(reached):,.0f} events/s)"
    yield Measure(f"{beside}: median", "ms", median(p50s))
    yield Measure(f"{beside}: p99", "ms", median(p99s), bars=[at_most(25, "ms")])
