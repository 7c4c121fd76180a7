"""Metering from a sender to the chart, beside what the database can do at most.

Clients, servers and database share this machine. ``--scale`` is of the numbers of events, and
``--growth`` adds 1 M beside 30 M events stored: that takes long.
"""

from collections.abc import Callable, Iterator

from tests.benchmarks.harness import Measure, Options
from tests.benchmarks.metering import chart, folding, growth, ingestion, memory

MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "ingestion, 4 clients, 1 000 a batch": ingestion.batches,
    "saga, counters": folding.counters,
    "saga, levels": folding.levels,
    "saga, counters, 2 workers of 1": folding.two_workers,
    "memory of a worker": memory.memory,
    "memory of archiving": memory.archiving,
    "event to chart": chart.chart,
}


def run(options: Options) -> Iterator[Measure]:
    measures = dict(MEASURES)
    if options.growth:
        measures["cost at 30 M of that at 1 M events"] = growth.growth
    for name, measure in measures.items():
        if options.only in name:
            yield from measure(name, options)
