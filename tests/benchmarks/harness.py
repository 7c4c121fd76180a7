"""What every benchmark needs: fair timing, bars, and one line for each measure."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

RUNS = 5  # of each side, interleaved, so that a busy moment of the machine hits all of them


@dataclass(frozen=True)
class Options:
    """What the command line asks for; a benchmark may ignore what does not concern it."""

    scale: float = 1.0  # of how much is done: events, bytes, seconds
    only: str = ""  # part of a measure's name
    growth: bool = False  # also what takes very long


@dataclass(frozen=True)
class Bar:
    """What a measure must reach. ``holds`` returns None where this run cannot tell."""

    text: str
    holds: Callable[["Measure"], bool | None]


@dataclass(frozen=True)
class Measure:
    """Medians in ``unit``; against ``raw`` and ``peers`` more is better."""

    measure: str
    unit: str
    ours: float
    raw: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    bars: Sequence[Bar] = ()

    @property
    def ratio(self) -> float | None:
        return None if self.raw is None else self.ours / self.raw

    @property
    def holds(self) -> bool:
        """False only where a bar was seen to fail."""
        return all(bar.holds(self) is not False for bar in self.bars)

    def as_json(self) -> dict[str, object]:
        return {
            "measure": self.measure,
            "unit": self.unit,
            "ours": round(self.ours, 2),
            "raw": self.raw and round(self.raw, 2),
            "ratio": self.ratio and round(self.ratio, 3),
            "peers": {name: round(speed, 1) for name, speed in self.peers.items()},
            "bar": "; ".join(bar.text for bar in self.bars),
            "holds": self.holds,
        }

    def __str__(self) -> str:
        beside = [f"of raw {_number(self.raw)}  ratio {self.ratio:.2f}"] if self.raw else []
        beside += [f"{name} {_number(speed)}" for name, speed in self.peers.items()]
        beside += [f"[{bar.text}: {VERDICTS[bar.holds(self)]}]" for bar in self.bars]
        return f"{self.measure:<44}{_number(self.ours):>10} {self.unit:<9} {'  '.join(beside)}"


VERDICTS = {True: "holds", False: "FAILS", None: "not told, no such peer ran"}


def _number(value: float | None) -> str:
    return f"{value:,.0f}" if value is None or value >= 100 else f"{value:.2f}"


def at_least(ratio: float) -> Bar:
    return Bar(f"≥ {ratio} of raw", lambda m: m.ratio is not None and m.ratio >= ratio)


def faster_than_peers() -> Bar:
    def holds(m: Measure) -> bool | None:
        return m.ours > max(m.peers.values()) if m.peers else None

    return Bar("faster than every peer", holds)


def times_peer(factor: float, peer: str) -> Bar:
    def holds(m: Measure) -> bool | None:
        return m.ours >= factor * m.peers[peer] if peer in m.peers else None

    return Bar(f"≥ {factor:g} × {peer}", holds)


def at_most(value: float, unit: str = "") -> Bar:
    """For figures of which less is better: memory, a latency, how far from flat."""
    return Bar(f"≤ {value:g} {unit}".rstrip(), lambda m: m.ours <= value)


def no_less_than(value: float, unit: str = "") -> Bar:
    return Bar(f"≥ {value:g} {unit}".rstrip(), lambda m: m.ours >= value)


Side = Callable[[int], float]
"""Does the work of one run, whose number it is given, and returns its speed in units a second."""


def timed(work: Callable[[int], int]) -> Side:
    """Make a side of work that returns how many units it did."""

    def side(run: int) -> float:
        start = time.perf_counter()
        done = work(run)
        return done / (time.perf_counter() - start)

    return side


def medians(sides: Mapping[str, Side], *, runs: int) -> dict[str, float]:
    """Run the sides by turns, each run beginning with another one, and return their medians."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    for run in range(runs):
        for name in order:
            found[name].append(sides[name](run))
        order.append(order.pop(0))
    return {name: statistics.median(speeds) for name, speeds in found.items()}


def compare(
    measure: str,
    unit: str,
    *,
    ours: Side,
    raw: Side,
    peers: Mapping[str, Side] | None = None,
    bars: Sequence[Bar] = (),
    runs: int = RUNS,
) -> Measure:
    """Run all sides by turns and compare their medians."""
    found = medians({"ours": ours, "raw": raw, **(peers or {})}, runs=runs)
    return Measure(measure, unit, found.pop("ours"), found.pop("raw"), peers=found, bars=bars)
