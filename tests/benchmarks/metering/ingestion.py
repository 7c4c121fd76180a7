"""Events over HTTP, beside COPY of the same rows; and how soon one is taken meanwhile."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

from tests.benchmarks.harness import Bar, Measure, Options, at_least, at_most, compare
from tests.benchmarks.metering.place import place
from tests.benchmarks.usage.example import BATCH
from tests.benchmarks.workers import Team

SENDER = (sys.executable, "-m", "tests.benchmarks.usage.sender")
COPIER = (sys.executable, "-m", "tests.benchmarks.usage.copier")
CLIENTS, BATCHES, RUNS = 4, 15, 5
FAR_ABOVE = Bar("≥ 20,000", lambda measure: measure.ours >= 20_000)
SECONDS, REST = 20, 0.01


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
        every = CLIENTS * BATCH / (found.ours / 2)
        count = int(SECONDS / every) + 1
        senders.ask("prepare", run="load", batches=count)
        with Team(SENDER, url="") as single, ThreadPoolExecutor() as pool:
            load = pool.submit(senders.speed, "pace", every=every, **where)
            [reply] = single.ask("singles", run="load", seconds=SECONDS - 1, rest=REST, **where)
            reached = load.result() / found.ours
        cuts = quantiles(reply["times"], n=100)
        meanwhile = f"one event, at {reached:.0%} of that load"
        yield Measure(f"{meanwhile}: median", "ms", cuts[49])
        yield Measure(f"{meanwhile}: p99", "ms", cuts[98], bars=[at_most(25, "ms")])
