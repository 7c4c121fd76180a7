"""The saga beside one GROUP BY over the same rows, for levels, and with two workers."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from tests.benchmarks.databases import TEMPLATE, fresh
from tests.benchmarks.harness import Bar, Measure, Options, at_least, compare, medians
from tests.benchmarks.metering.place import place
from tests.benchmarks.usage import fill
from tests.benchmarks.usage.example import COUNTER, LEVEL
from tests.benchmarks.workers import Team

FOLDER = (sys.executable, "-m", "tests.benchmarks.usage.folder")
EVENTS, RUNS = 200_000, 5


def counters(name: str, options: Options) -> Iterator[Measure]:
    with _filled(COUNTER, options):
        yield compare(name, "events/s", ours=_fold, raw=_group_by, bars=[at_least(0.5)], runs=RUNS)


def levels(name: str, options: Options) -> Iterator[Measure]:
    enough = Bar("≥ 60,000", lambda measure: measure.ours >= 60_000)
    with _filled(LEVEL, options):
        speed = medians({"ours": _fold}, runs=RUNS)["ours"]
        yield Measure(name, "events/s", speed, bars=[enough])


def two_workers(name: str, options: Options) -> Iterator[Measure]:
    sides = {"one": _fold, "two": lambda run: _fold(run, workers=2)}
    with _filled(COUNTER, options):
        found = medians(sides, runs=RUNS)
        bars = [Bar("≥ 1.6", lambda measure: measure.ours >= 1.6)]
        yield Measure(name, "×", found["two"] / found["one"], bars=bars)


@contextmanager
def _filled(type: str, options: Options) -> Iterator[None]:
    """A database with usage that nobody has folded; each run has a copy of it."""
    with place("filled") as here:
        fill.usage(
            here.url,
            tenants=here.tenants,
            partitions=settings.EVENTSTORE_PARTITIONS,
            events=int(EVENTS * options.scale),
            type=type,
        )
        connection.close()  # a template must have no users
        yield


def _fold(run: int, *, workers: int = 1) -> float:
    copy = fresh("copy", template=f"{TEMPLATE}_filled")
    with copy as url, Team(FOLDER, url=url, size=workers) as team:
        return team.speed("fold")


def _group_by(run: int) -> float:
    copy = fresh("copy", template=f"{TEMPLATE}_filled")
    with copy as url, Team(FOLDER, url=url) as team:
        return team.speed("group_by")
