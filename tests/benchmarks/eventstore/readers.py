"""Reading: a long stream, aggregates of all lengths, and the feed."""

from collections.abc import Callable, Iterator

from tests.benchmarks.databases import fresh
from tests.benchmarks.eventstore import fill
from tests.benchmarks.eventstore.teams import OURS, side, sides
from tests.benchmarks.harness import Measure, Options, at_least, at_most, compare, medians
from tests.benchmarks.workers import Team

LONG = 1_000_000
RUNS = 3
LOAD_SECONDS, LOAD_RUNS = 0.3, 7


def long_stream(name: str, options: Options) -> Iterator[Measure]:
    grown: list[float] = []
    with fresh("ours") as url:
        fill.streams(url, first=0, each=10)
        fill.streams(url, first=1, each=int(LONG * options.scale))
        fill.settle(url)
        with sides(url) as (ours, raw):
            ours.ask("read", stream=0)  # so that what grows later is due to the length

            def watched(run: int) -> float:
                (reply,) = ours.ask("read", stream=1)
                grown.append(reply["grown"])
                return float(reply["done"] / reply["seconds"])

            limit = side(raw, "read", stream=1)
            yield compare(
                name, "events/s", ours=watched, raw=limit, bars=[at_least(0.7)], runs=RUNS
            )
    yield Measure(f"{name}: memory", "MB", sum(grown), bars=[at_most(30, "MB")])


def loads(name: str, options: Options) -> Iterator[Measure]:
    lengths = (10, 1000, int(LONG * options.scale))
    with fresh("ours") as url:
        for stream, each in enumerate(lengths):
            fill.streams(url, first=stream, each=each)
        fill.settle(url)
        with Team(OURS, url=url) as ours:
            found = medians(
                {
                    f"{name}, {each}": side(ours, "load", stream=stream, seconds=LOAD_SECONDS)
                    for stream, each in enumerate(lengths)
                },
                runs=LOAD_RUNS,
            )
    for measure, speed in found.items():
        yield Measure(measure, "ms", 1000 / speed, bars=[at_most(2, "ms")])
    flat = max(found.values()) / min(found.values())
    yield Measure(f"{name}: slowest of fastest", "×", flat, bars=[at_most(1.3)])


def whole_feed(name: str, options: Options) -> Iterator[Measure]:
    with fresh("ours") as url:
        fill.streams(url, count=2000, each=int(100 * options.scale))
        fill.settle(url)
        with sides(url) as (ours, raw):
            yield compare(
                name,
                "events/s",
                ours=lambda run: ours.speed("consume", consumer=f"run {run}"),
                raw=side(raw, "consume", consumer=""),
                bars=[at_least(0.7)],
                runs=RUNS,
            )


MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "read one stream of 1 000 000": long_stream,
    "load, stream of": loads,
    "feed, 1 consumer, empty handler": whole_feed,
}
