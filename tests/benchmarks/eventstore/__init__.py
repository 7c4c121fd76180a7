"""The event store beside the raw limit of PostgreSQL, and beside its peers; all of it durable.

The bars are those of the project's third issue. ``--only TEXT`` runs some measures alone.
"""

import sys
from collections.abc import Iterator

from tests.benchmarks import peers
from tests.benchmarks.eventstore import growth, partitions, readers, writers
from tests.benchmarks.harness import Measure, Options


def run(options: Options) -> Iterator[Measure]:
    for name in peers.missing():
        sys.stderr.write(f"{name} is not installed, so not compared: ./dev bench --peers\n")
    measures = {**writers.MEASURES, **readers.MEASURES, **partitions.MEASURES}
    if options.growth:
        measures |= growth.MEASURES
    for name, measure in measures.items():
        if options.only in name:
            yield from measure(name, options)
