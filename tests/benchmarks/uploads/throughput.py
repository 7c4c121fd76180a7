"""MiB/s of one upload, and of the same bytes in four parts at once with their final."""

from collections.abc import Iterator

from tests.benchmarks.harness import RUNS, Measure, Side, at_least, medians, times_peer
from tests.benchmarks.uploads import costs
from tests.benchmarks.uploads.runs import MIB, PARTS, Bench

SINGLE = "1 stream"


def run(bench: Bench) -> Iterator[Measure]:
    sides: dict[str, Side] = {
        "raw": lambda _: bench.raw(),
        "lean 1": lambda _: bench.lean(1),
        "lean 4": lambda _: bench.lean(PARTS),
    }
    if bench.tus_js:
        sides["tus-js 1"] = lambda _: bench.by_tus_js(1)
        sides["tus-js 4"] = lambda _: bench.by_tus_js(PARTS)
    bench.lean(1)  # the first requests load what workers load once
    bench.lean(PARTS)
    found = medians(sides, runs=RUNS)
    raw, size = found["raw"], f"{bench.size // MIB} MiB"
    for client, name in (("lean", "lean client"), ("tus-js", "tus-js-client")):
        if f"{client} 1" not in found:
            continue
        single, four = found[f"{client} 1"], found[f"{client} 4"]
        # Of another's client the bar would measure the client: it takes a core of its own.
        bars = [at_least(0.5)] if client == "lean" else []
        yield Measure(f"{name}, 1 stream of {size}", "MiB/s", single, raw, bars=bars)
        yield Measure(
            f"{name}, {PARTS} parts of {size} and final",
            "MiB/s",
            four,
            raw,
            peers={SINGLE: single},
            bars=[times_peer(1, SINGLE)] if client == "lean" else [],
        )
    yield from costs.of_bytes(bench)
