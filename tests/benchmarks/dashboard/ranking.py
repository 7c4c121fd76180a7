"""What is done beforehand, so that pages need not: how long a worker is at it, for some presets."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from billing.dashboards.ranges import read_range
from billing.metering.querying import months
from billing.metering.usage_tables import DailyUsage
from billing.periods import day_of
from billing.rankings import making
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from tests.benchmarks.dashboard.place import Site
from tests.benchmarks.harness import Measure, Options


def measure(name: str, here: Site, options: Options) -> Iterator[Measure]:
    for ranking, preset in zip(here.rankings, ("this month", "last month"), strict=True):
        yield Measure(f"{name}, {preset}", "org/s", _speed(ranking))
    now = datetime.now(UTC)
    span = Span.of(read_range({"range": "12m"}, today=day_of(now)))
    started = time.perf_counter()
    months.keep(span.months, now=now)  # those that are not kept yet: once, or what came late
    yield Measure(f"{name}, months kept before", "s", time.perf_counter() - started)
    ranking = making.make(span, now=now)
    yield Measure(f"{name}, twelve months", "org/s", _speed(ranking))
    used = DailyUsage.objects.filter(organisation=here.organisation, day=span.first)
    used.update(event_count=25)  # which notes that the day is another now
    started = time.perf_counter()
    making.renew(ranking, span, now=now)
    yield Measure(f"{name}, one again", "s", time.perf_counter() - started)


def _speed(ranking: Ranking) -> float:
    return ranking.organisations / ranking.took.total_seconds() if ranking.took else 0.0
