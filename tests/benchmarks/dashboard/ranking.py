"""What is done beforehand, so that pages need not: how long a worker is at it, for some presets."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from django.db import transaction

from billing.dashboards.ranges import read_range
from billing.metering.querying import months
from billing.metering.usage_tables import DailyUsage
from billing.periods import day_of, month_before, month_of
from billing.rankings import making
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from billing.revenue import batches, keeping
from billing.revenue.batches import Wanted
from catacloud.accounts.models import Organisation
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
    used = DailyUsage.objects.filter(organisation=_another(here), day=span.first)
    used.update(event_count=25)  # which notes that the day is another now
    started = time.perf_counter()
    making.renew(ranking, span, now=now)
    yield Measure(f"{name}, one again", "s", time.perf_counter() - started)


def _another(here: Site) -> Organisation:
    """Return one whose pages are not measured: what came late is rated again on each of its own."""
    others = Organisation.objects.exclude(pk=here.organisation.pk)
    return others.filter(slug__startswith="seeded-").order_by("name")[0]


def _speed(ranking: Ranking) -> float:
    return ranking.organisations / ranking.took.total_seconds() if ranking.took else 0.0


def measure_revenue(name: str, here: Site, options: Options) -> Iterator[Measure]:
    """Work out a month that is over of all organisations anew."""
    now = datetime.now(UTC)
    month = month_before(month_of(day_of(now)))
    wanted = Wanted(month.first, month.end, is_anew=True)
    left = Organisation.objects.order_by("pk").values_list("pk", flat=True).iterator()
    count, started = 0, time.perf_counter()
    while some := list(islice(left, keeping.AT_A_TIME)):
        with transaction.atomic():
            batches.work(dict.fromkeys(some, wanted), since=month.first, now=now)
        count += len(some)
    yield Measure(f"{name}, a month", "org/s", count / (time.perf_counter() - started))
