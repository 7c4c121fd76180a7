"""The saga beside one GROUP BY over the same rows, for levels, and with two workers."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from tests.benchmarks.databases import TEMPLATE, fresh
from tests.benchmarks.harness import Bar, Measure, Options, Side, at_least, compare, medians
from tests.benchmarks.metering.place import place
from tests.benchmarks.usage import fill
from tests.benchmarks.usage.example import COUNTER, LEVEL
from tests.benchmarks.workers import Reply, Team

FOLDER = (sys.executable, "-m", "tests.benchmarks.usage.folder")
EVENTS, RUNS = 1_000_000, 5  # more than a processor keeps at hand, as those of a day are


def counters(name: str, options: Options) -> Iterator[Measure]:
    with _filled(COUNTER, options):
        yield compare(name, "events/s", ours=_fold, raw=_group_by, bars=[at_least(0.5)], runs=RUNS)


def levels(name: str, options: Options) -> Iterator[Measure]:
    enough = Bar("≥ 60,000", lambda measure: measure.ours >= 60_000)
    with _filled(LEVEL, options):
        speed = medians({"ours": _fold}, runs=RUNS)["ours"]
        yield Measure(name, "events/s", speed, bars=[enough])


def two_workers(name: str, options: Options) -> Iterator[Measure]:
    """Beside them two connections, each of which makes the whole GROUP BY: where they gain no more,
    it is the database, or the machine, that has no more to give.
    """
    spent: dict[int, list[_Spent]] = {1: [], 2: []}

    def fold(run: int, *, workers: int) -> float:
        replies, seconds = _together("fold", workers)
        spent[workers].append(_Spent.of(replies, seconds))
        return spent[workers][-1].events / seconds

    def group_by(run: int, *, workers: int) -> float:
        replies, seconds = _together("group_by", workers)
        return float(sum(reply["done"] for reply in replies) / seconds)

    sides: dict[str, Side] = {
        f"{side.__name__} {workers}": partial(side, workers=workers)
        for side in (fold, group_by)
        for workers in (1, 2)
    }
    with _filled(COUNTER, options):
        found = medians(sides, runs=RUNS)
    enough = Bar("≥ 1.6", lambda measure: measure.ours >= 1.6)
    of_two, of_database = (found[f"{one} 2"] / found[f"{one} 1"] for one in ("fold", "group_by"))
    yield Measure(name, "×", of_two, raw=of_database, bars=[enough])
    yield from _spent(name, *(_Spent.total(spent[workers]) for workers in (1, 2)))


class _Spent(NamedTuple):
    """What folding took: seconds, and seconds of CPU of workers and of the database's processes."""

    events: int
    seconds: float
    workers: float
    database: float

    @classmethod
    def of(cls, replies: Sequence[Reply], seconds: float) -> "_Spent":
        done, own, server = (
            sum(one[what] for one in replies) for what in ("done", "own", "server")
        )
        return cls(done, seconds, own, server)

    @classmethod
    def total(cls, several: Sequence["_Spent"]) -> "_Spent":
        return cls(*(sum(column) for column in zip(*several, strict=True)))

    @property
    def each(self) -> float:
        return (self.workers + self.database) / self.events


def _spent(name: str, one: _Spent, two: _Spent) -> Iterator[Measure]:
    cores = len(os.sched_getaffinity(0)) * two.seconds
    yield Measure(f"{name}: database, of all cores", "%", 100 * two.database / cores)
    yield Measure(f"{name}: workers, of all cores", "%", 100 * two.workers / cores)
    yield Measure(f"{name}: CPU of an event", "× 1", two.each / one.each)


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


def _fold(run: int) -> float:
    replies, seconds = _together("fold", 1)
    return float(replies[0]["done"] / seconds)


def _group_by(run: int) -> float:
    replies, seconds = _together("group_by", 1)
    return float(replies[0]["done"] / seconds)


def _together(do: str, workers: int) -> tuple[list[Reply], float]:
    """Let so many workers do the same at once; return what they say, and what the last took."""
    copy = fresh("copy", template=f"{TEMPLATE}_filled")
    with copy as url, Team(FOLDER, url=url, size=workers) as team:
        team.ask("warm")
        replies = team.ask(do)
    return replies, max(reply["seconds"] for reply in replies)
