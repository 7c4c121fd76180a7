"""What is done beforehand, so that pages need not: how long a worker is at it, for two presets."""

from collections.abc import Iterator

from tests.benchmarks.dashboard.place import Site
from tests.benchmarks.harness import Measure, Options


def measure(name: str, here: Site, options: Options) -> Iterator[Measure]:
    for ranking, preset in zip(here.rankings, ("this month", "last month"), strict=True):
        seconds = ranking.took.total_seconds() if ranking.took else 0.0
        yield Measure(f"{name}, {preset}", "org/s", ranking.organisations / seconds)
