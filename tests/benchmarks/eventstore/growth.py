"""What appends and loads cost in a store of 1 M and in one of 20 M events. Takes long."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.benchmarks.databases import fresh
from tests.benchmarks.eventstore import fill
from tests.benchmarks.eventstore.teams import OURS, side
from tests.benchmarks.harness import Measure, Options, at_most, medians
from tests.benchmarks.workers import Team

EACH = 1000  # events in a stream
STREAMS = {"1 M": 1_000, "20 M": 20_000}
SECONDS, RUNS = 0.5, 31
# Appends come last: each is an event more that the next load of its stream replays.
COSTS = {"load": "load_anywhere", "load again": "load_again", "append": "append_anywhere"}


class Store(NamedTuple):
    url: str
    streams: int


def growth(name: str, options: Options) -> Iterator[Measure]:
    small, large = (int(count * options.scale) for count in STREAMS.values())
    with fresh("small") as small_url, fresh("large") as large_url:
        stores = Store(small_url, small), Store(large_url, large)
        for store in stores:
            fill.streams(store.url, count=store.streams, each=EACH)
            fill.settle(store.url)
        yield from costs(name, *stores, bar=1.15)


def costs(name: str, basis: Store, store: Store, *, bar: float) -> Iterator[Measure]:
    """Any stream of the store may be meant, and of one that is loaded the process has no state yet:
    else a cache that holds all of the smaller store would pass for growth. Loaded again it has.

    Each stream is read once before, as in stores that have run for a while: what is measured is the
    work, and not how long a disk takes for pages that nobody has asked for yet.
    """
    with Team(OURS, url=basis.url) as one, Team(OURS, url=store.url) as other:
        one.ask("load_all", streams=basis.streams)
        other.ask("load_all", streams=store.streams)
        for what, do in COSTS.items():
            found = medians(
                {
                    "basis": side(one, do, streams=basis.streams, seconds=SECONDS),
                    "store": side(other, do, streams=store.streams, seconds=SECONDS),
                },
                runs=RUNS,
            )
            cost = found["basis"] / found["store"]
            yield Measure(f"{name}: {what}", "×", cost, bars=[at_most(bar)])


MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "cost at 20 M of that at 1 M events": growth,
}
