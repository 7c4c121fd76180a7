"""What every benchmark needs: fair timing, and one line for each measure."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

RUNS = 5  # of each side, interleaved, so that a busy moment of the machine hits all of them


@dataclass(frozen=True)
class Measure:
    """Medians in ``unit``, more is better. ``bar`` is the least ratio to the raw limit, if any."""

    measure: str
    unit: str
    ours: float
    raw: float
    peers: Mapping[str, float] = field(default_factory=dict)
    bar: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.raw

    @property
    def holds(self) -> bool:
        return self.bar is None or self.ratio >= self.bar

    def as_json(self) -> dict[str, object]:
        return {
            "measure": self.measure,
            "unit": self.unit,
            "ours": round(self.ours, 1),
            "raw": round(self.raw, 1),
            "ratio": round(self.ratio, 3),
            "peers": self.peers,
            "bar": self.bar,
            "holds": self.holds,
        }

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"  bar {self.bar} {'holds' if self.holds else 'FAILS'}"
        figures = f"{self.ours:>12,.0f} of {self.raw:>12,.0f} {self.unit}"
        return f"{self.measure:<42}{figures}  ratio {self.ratio:.2f}{bar}"


Side = Callable[[int], int]
"""Does the work of one run, whose number it is given, and returns how many units it did."""


def compare(
    measure: str,
    unit: str,
    *,
    ours: Side,
    raw: Side,
    prepare: Side | None = None,
    bar: float | None = None,
) -> Measure:
    """Run both sides by turns and compare their medians; ``prepare`` is not timed."""
    speeds: dict[str, list[float]] = {"ours": [], "raw": []}
    for run in range(RUNS):
        if prepare:
            prepare(run)
        for name, side in (("ours", ours), ("raw", raw)):
            speeds[name].append(_speed(side, run))
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    return Measure(measure, unit, medians["ours"], medians["raw"], bar=bar)


def _speed(side: Side, run: int) -> float:
    start = time.perf_counter()
    done = side(run)
    return done / (time.perf_counter() - start)
