"""Billing: how fast usage becomes money. ``--scale`` is of how much is rated."""

from collections.abc import Callable, Iterator

from catacloud import heap
from tests.benchmarks.billing import closing, documents, previews, rating, simulations
from tests.benchmarks.harness import Measure, Options

MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "rating, per unit": rating.per_unit,
    "rating, package": rating.package,
    "rating, volume, 20 tiers": rating.volume,
    "rating, graduated, 20 tiers": rating.graduated,
    "pdf with data": documents.each,
    "closing": closing.closing,
    "simulation": simulations.simulation,
    "preview with two years of invoices": previews.preview,
}


def run(options: Options) -> Iterator[Measure]:
    heap.settle()  # as workers do once they have started
    for name, measure in MEASURES.items():
        if options.only in name:
            yield from measure(name, options)
