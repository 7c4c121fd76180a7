"""What appends and loads cost in a store of 1 M and in one of 20 M events. Takes long."""

from collections.abc import Callable, Iterator

from tests.benchmarks.databases import fresh
from tests.benchmarks.eventstore import fill
from tests.benchmarks.eventstore.teams import OURS, side
from tests.benchmarks.harness import Measure, Options, at_most, medians
from tests.benchmarks.workers import Team

EACH = 1000  # events in a stream
STREAMS = {"1 M": 1_000, "20 M": 20_000}
SECONDS, RUNS = 0.5, 15


def growth(name: str, options: Options) -> Iterator[Measure]:
    """Any stream of the store may be meant, so that no cache helps the larger one."""
    small, large = (int(count * options.scale) for count in STREAMS.values())
    with fresh("small") as small_url, fresh("large") as large_url:
        for url, count in ((small_url, small), (large_url, large)):
            fill.streams(url, count=count, each=EACH)
            fill.settle(url)
        with Team(OURS, url=small_url) as one, Team(OURS, url=large_url) as other:
            for what in ("append", "load"):
                found = medians(
                    {
                        "small": side(one, f"{what}_anywhere", streams=small, seconds=SECONDS),
                        "large": side(other, f"{what}_anywhere", streams=large, seconds=SECONDS),
                    },
                    runs=RUNS,
                )
                cost = found["small"] / found["large"]
                yield Measure(f"{name}: {what}", "×", cost, bars=[at_most(1.15)])


MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "cost at 20 M of that at 1 M events": growth,
}
