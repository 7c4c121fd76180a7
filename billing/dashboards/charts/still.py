"""A chart as it is first seen: the same figure as an SVG, before or without any script. Pure.

What is stretched with the page lies in a square of its own; text keeps its size. Colours are the
stylesheet's. static/js/charts.js puts the live chart in its place when somebody points at it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from html import escape, unescape
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from billing.dashboards.charts.drawing import SUM
from billing.dashboards.charts.ticks import Ticks
from billing.periods import ONE_DAY, Days, written

Figure = dict[str, Any]
Ends = dict[int, float]  # how high a stack is by now, at each place

HEIGHT, BELOW = 280, 28  # px, as the stylesheet and the script have them
ABOVE, ABOVE_WITH_NOTES = 8, 20
SQUARE = 1000
MANY = 45  # bars, between which there is no room for a line


class Mark(NamedTuple):
    look: str  # classes of the stylesheet
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Where things are: places from left to right, and values from low to high."""

    places: Sequence[str]
    low: float
    high: float
    above: int
    bar: float  # how much of a place is a bar

    @property
    def height(self) -> int:
        return HEIGHT - BELOW - self.above

    @property
    def middles(self) -> Sequence[float]:
        """The middle of each place, of SQUARE."""
        return _middles(len(self.places))

    def y(self, value: float) -> int:
        return round((self.high - value) * SQUARE / (self.high - self.low))

    def points(self, values: Iterable[tuple[int, float]]) -> list[str]:
        middles, high, scale = self.middles, self.high, SQUARE / (self.high - self.low)
        return [f"{middles[place]} {round((high - value) * scale)}" for place, value in values]

    def down(self, value: float) -> float:
        """Return how far down of the picture a value is, in px."""
        return round(self.above + self.y(value) * self.height / SQUARE, 1)


@lru_cache(maxsize=64)
def _middles(count: int) -> Sequence[float]:
    return tuple(round((place + 0.5) * SQUARE / count, 1) for place in range(count))


@lru_cache(maxsize=64)
def _lefts(count: int, wide: float) -> Sequence[float]:
    """Return where bars start that are so wide."""
    return tuple(round(middle - wide / 2, 1) for middle in _middles(count))


def _percent(place: int, count: int) -> str:
    return f"{_middles(count)[place] * 100 / SQUARE:.4g}%"


def still(figure: Figure) -> SafeString:
    """Draw a figure of this package: bars or lines, the period before, what is to come, notes."""
    layout = figure["layout"]
    plot, axis = _plot(layout), layout["yaxis"]
    left = left_of(axis["ticktext"])
    heights = [plot.down(value) for value in axis["tickvals"]]
    texts = "".join(
        f'<text x="{left - 9}" y="{down}" dy=".35em">{escape(text)}</text>'
        for down, text in zip(heights, axis["ticktext"], strict=True)
    )
    lines = "".join(f'<line x2="100%" y1="{down}" y2="{down}"/>' for down in heights)
    marks = "".join(f'<path class="{look}" d="{path}"/>' for look, path in _marks(figure, plot))
    return SafeString(
        f'<div class="still"><svg class="values" width="{left}" height="{HEIGHT}">{texts}</svg>'
        f'<svg class="plot" height="{HEIGHT}">{lines}<svg class="marks" y="{plot.above}"'
        f' width="100%" height="{plot.height}" viewBox="0 0 {SQUARE} {SQUARE}"'
        f' preserveAspectRatio="none">{marks}</svg>'
        f"{_notes(layout.get('annotations', ()), plot)}"
        f"{_ticks(layout['meta']['ticks'], plot)}</svg></div>"
    )


def left_of(texts: Sequence[str]) -> int:
    """Return how wide the texts of the values are, in px; the script reckons the same."""
    return max(58, round(18 + 6.4 * max(map(len, texts), default=0)))


def _plot(layout: Figure) -> Plot:
    meta = layout["meta"]
    names: Sequence[str] = meta.get("names", ())
    first = date.fromisoformat(meta["first"]) if "first" in meta else None
    days = Days(first, first + ONE_DAY * meta["days"]) if first else None
    low, high = layout["yaxis"]["range"]
    return Plot(
        places=written(days) if days else names,
        low=low,
        high=high,
        above=ABOVE_WITH_NOTES if layout.get("annotations") else ABOVE,
        bar=1 - layout.get("bargap", 0),
    )


def _marks(figure: Figure, plot: Plot) -> Iterator[Mark]:
    at = {place: number for number, place in enumerate(plot.places)}
    for shape in figure["layout"]["shapes"]:
        if shape["type"] == "rect":
            start = round(_first(shape, at) * SQUARE / len(plot.places), 1)
            yield Mark("to-come", f"M{start} 0H{SQUARE}V{SQUARE}H{start}z")
    above, below, line = Ends(), Ends(), list[str]()
    for trace in figure["data"]:
        if trace["meta"]["hue"] == SUM:
            continue
        values = [(at[x], y) for x, y in zip(trace["x"], trace["y"], strict=True)]
        if trace["type"] == "bar":
            yield from _bars(trace, values, plot, (above, below))
        else:
            tops = _stacked(values, above) if "stackgroup" in trace else values
            points = plot.points(tops)
            yield from _line(trace, points, line, plot)
            line = points


def _first(shape: Figure, at: Mapping[str, int]) -> int:
    """Return at which place it begins: its edges are between places, by number or at noon."""
    if not isinstance(shape["x0"], str):
        return int(shape["x0"] + 0.5)
    first, last = (date.fromisoformat(shape[edge][:10]) for edge in ("x0", "x1"))
    return at[shape["x1"][:10]] + 1 - (last - first).days


def _bars(
    trace: Figure, values: Sequence[tuple[int, float]], plot: Plot, ends: tuple[Ends, Ends]
) -> Iterator[Mark]:
    wide = round(plot.bar * SQUARE / len(plot.places), 1)
    lefts = _lefts(len(plot.places), wide)
    high, scale, floor = plot.high, SQUARE / (plot.high - plot.low), plot.y(0)
    opacity = trace["marker"].get("opacity") or [1.0] * len(values)
    parts: Mapping[bool, list[str]] = {True: [], False: []}
    for (place, value), opaque in zip(values, opacity, strict=True):
        if not value:
            continue
        stack = ends[value < 0]
        base = stack.get(place, 0.0)
        stack[place] = base + value
        bottom, top = plot.y(base) if base else floor, round((high - base - value) * scale)
        parts[opaque < 1].append(f"M{lefts[place]} {bottom}h{wide}V{top}h-{wide}z")
    for is_pale, paths in parts.items():
        if paths:
            looks = ["bars", f"s{trace['meta']['hue']}"]
            looks += ["pale"] * is_pale + ["thin"] * (len(plot.places) > MANY)
            yield Mark(" ".join(looks), "".join(paths))


def _stacked(values: Sequence[tuple[int, float]], ends: Ends) -> list[tuple[int, float]]:
    for place, value in values:
        ends[place] = ends.get(place, 0.0) + value
    return [(place, ends[place]) for place, _ in values]


def _line(
    trace: Figure, points: Sequence[str], before: Sequence[str], plot: Plot
) -> Iterator[Mark]:
    """Draw a line, or a dot where there is one point alone; an area first, where it has one."""
    if not points:
        return
    hue = trace["meta"]["hue"]
    path = f"M{'L'.join(points)}" if len(points) > 1 else f"M{points[0]}h0"
    if hue == "band":
        if trace.get("fill") == "tonexty":
            yield Mark("band", f"{path}L{'L'.join(reversed(before))}z")
        return
    if isinstance(hue, str):
        yield Mark(hue if len(points) > 1 else f"{hue} dot", path)
        return
    if trace.get("fill") or trace.get("stackgroup"):
        ends = [point.split()[0] for point in (points[-1], points[0])]
        base = before if trace.get("stackgroup") else ()
        down = "L".join(reversed(base)) or f"{ends[0]} {plot.y(0)}L{ends[1]} {plot.y(0)}"
        yield Mark(f"area s{hue}", f"{path}L{down}z")
    yield Mark(f"line s{hue}" if len(points) > 1 else f"line dot s{hue}", path)


def _notes(notes: Sequence[Figure], plot: Plot) -> str:
    """Draw a line and a number at each; the text of one that is alone, where there is room."""
    written_out = unescape(notes[0]["hovertext"]) if len(notes) == 1 else ""
    narrow = "few some" if written_out else ""
    top, drawn = plot.above - 6, []
    for note in notes:
        x = _percent(plot.places.index(note["x"]), len(plot.places))
        drawn.append(
            f'<line class="note" x1="{x}" x2="{x}" y1="{plot.above}" y2="{HEIGHT - BELOW}"/>'
            f'<text class="{narrow}" x="{x}" y="{top}">{escape(note["text"])}</text>'
        )
        if written_out:
            drawn.append(f'<text class="many from" x="{x}" y="{top}">{escape(written_out)}</text>')
    return "".join(drawn)


def _ticks(fitting: Mapping[str, Ticks], plot: Plot) -> str:
    """Draw those of each width: the stylesheet shows the ones that fit."""
    at = {place: number for number, place in enumerate(plot.places)}
    drawn = []
    for name, ticks in fitting.items():
        each = zip(ticks["at"], ticks["text"], strict=True)
        texts = "".join(_tick(at[place], len(at), text) for place, text in each)
        drawn.append(f'<g class="{name}">{texts}</g>')
    return "".join(drawn)


def _tick(place: int, count: int, text: str) -> str:
    x, y = _percent(place, count), HEIGHT - BELOW + 18
    return f'<text x="{x}" y="{y}">{escape(text)}</text>'
