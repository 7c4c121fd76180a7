"""A chart as it is first seen: the same figure as an SVG, before or without any script. Pure.

What is stretched with the page lies in a square of its own; text keeps its size. Colours are the
stylesheet's. static/js/charts.js puts the live chart in its place when somebody points at it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import unescape
from typing import Any, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.templatetags.figures import without_year

Figure = dict[str, Any]
Ends = dict[int, float]  # how high a stack is by now, at each place

HEIGHT, BELOW = 280, 28  # px, as the stylesheet and the script have them
ABOVE, ABOVE_WITH_NOTES = 8, 20
SQUARE = 1000
FITTING = {"few": 4, "some": 8, "many": 16}  # ticks, by the width: see the stylesheet
MANY = 45  # bars, between which there is no room for a line
STEPS = (1, 2, 4, 7, 10, 14, 28, 56, 91, 182, 365)  # days from tick to tick


class Mark(NamedTuple):
    look: str  # classes of the stylesheet
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Where things are: places from left to right, and values from low to high."""

    places: Sequence[str]
    labels: Sequence[str]
    is_dates: bool
    low: float
    high: float
    above: int
    bar: float  # how much of a place is a bar

    @property
    def height(self) -> int:
        return HEIGHT - BELOW - self.above

    def x(self, place: float) -> float:
        """Return the middle of a place, of SQUARE."""
        return round((place + 0.5) * SQUARE / len(self.places), 1)

    def y(self, value: float) -> int:
        return round((self.high - value) * SQUARE / (self.high - self.low))

    def percent(self, place: float) -> str:
        return f"{self.x(place) * 100 / SQUARE:.4g}%"

    def down(self, value: float) -> float:
        """Return how far down of the picture a value is, in px."""
        return round(self.above + self.y(value) * self.height / SQUARE, 1)


def still(figure: Figure) -> SafeString:
    """Draw a figure of this package: bars or lines, the period before, what is to come, notes."""
    layout = figure["layout"]
    plot = _plot(layout)
    ticks = list(zip(layout["yaxis"]["tickvals"], layout["yaxis"]["ticktext"], strict=True))
    return format_html(
        '<div class="still"><svg class="values" width="{}" height="{}">{}</svg>'
        '<svg class="plot" height="{}">{}<svg class="marks" y="{}" width="100%" height="{}"'
        ' viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>{}{}</svg></div>',
        left_of([text for _, text in ticks]),
        HEIGHT,
        format_html_join(
            "",
            '<text x="{}" y="{}" dy=".35em">{}</text>',
            (
                (left_of([text for _, text in ticks]) - 9, plot.down(value), text)
                for value, text in ticks
            ),
        ),
        HEIGHT,
        format_html_join(
            "", '<line x2="100%" y1="{0}" y2="{0}"/>', ((plot.down(value),) for value, _ in ticks)
        ),
        plot.above,
        plot.height,
        SQUARE,
        SQUARE,
        format_html_join("", '<path class="{}" d="{}"/>', _marks(figure, plot)),
        _notes(layout.get("annotations", ()), plot),
        format_html_join("", '<g class="{}">{}</g>', _all_ticks(plot)),
    )


def left_of(texts: Sequence[str]) -> int:
    """Return how wide the texts of the values are, in px; the script reckons the same."""
    return max(58, round(18 + 6.4 * max(map(len, texts), default=0)))


def _plot(layout: Figure) -> Plot:
    meta = layout["meta"]
    names: Sequence[str] = meta.get("names", ())
    first = date.fromisoformat(meta["first"]) if "first" in meta else None
    days = [first + timedelta(n) for n in range(meta["days"])] if first else []
    low, high = layout["yaxis"]["range"]
    return Plot(
        places=[day.isoformat() for day in days] or names,
        labels=[without_year(day) for day in days] or names,
        is_dates=first is not None,
        low=low,
        high=high,
        above=ABOVE_WITH_NOTES if layout.get("annotations") else ABOVE,
        bar=1 - layout.get("bargap", 0),
    )


def _marks(figure: Figure, plot: Plot) -> Iterator[Mark]:
    at = {place: number for number, place in enumerate(plot.places)}
    for shape in figure["layout"]["shapes"]:
        if shape["type"] == "rect":
            start = plot.x(at[shape["x1"][:10]] + 0.5 - _days(shape))
            yield Mark("to-come", f"M{start} 0H{SQUARE}V{SQUARE}H{start}z")
    above, below, line = Ends(), Ends(), list[str]()
    for trace in figure["data"]:
        values = [(at[x], y) for x, y in zip(trace["x"], trace["y"], strict=True)]
        if trace["type"] == "bar":
            yield from _bars(trace, values, plot, (above, below))
        else:
            tops = _stacked(values, above) if "stackgroup" in trace else values
            points = [f"{plot.x(place)} {plot.y(value)}" for place, value in tops]
            yield from _line(trace, points, line, plot)
            line = points


def _days(shape: Figure) -> int:
    first, last = (date.fromisoformat(shape[edge][:10]) for edge in ("x0", "x1"))
    return (last - first).days


def _bars(
    trace: Figure, values: Sequence[tuple[int, float]], plot: Plot, ends: tuple[Ends, Ends]
) -> Iterator[Mark]:
    wide = round(plot.bar * SQUARE / len(plot.places), 1)
    opacity = trace["marker"].get("opacity") or [1.0] * len(values)
    parts: Mapping[bool, list[str]] = {True: [], False: []}
    for (place, value), opaque in zip(values, opacity, strict=True):
        if not value:
            continue
        stack = ends[value < 0]
        base = stack.get(place, 0.0)
        stack[place] = base + value
        left = round(plot.x(place) - wide / 2, 1)
        up = f"M{left} {plot.y(base)}h{wide}V{plot.y(base + value)}h-{wide}z"
        parts[opaque < 1].append(up)
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


def _notes(notes: Sequence[Figure], plot: Plot) -> SafeString:
    """Draw a line and a number at each; the text of one that is alone, where there is room."""
    written = notes[0]["hovertext"] if len(notes) == 1 else ""
    return format_html_join(
        "",
        '<line class="note" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
        '<text class="{5}" x="{0}" y="{3}">{4}</text>{6}',
        (
            (
                (x := plot.percent(plot.places.index(note["x"]))),
                plot.above,
                HEIGHT - BELOW,
                plot.above - 6,
                note["text"],
                "few some" if written else "",
                _written(unescape(written), x, plot) if written else "",
            )
            for note in notes
        ),
    )


def _written(text: str, x: str, plot: Plot) -> SafeString:
    return format_html('<text class="many from" x="{}" y="{}">{}</text>', x, plot.above - 6, text)


def _all_ticks(plot: Plot) -> Iterator[tuple[str, SafeString]]:
    for name, most in FITTING.items():
        yield (
            name,
            format_html_join(
                "",
                '<text x="{}" y="{}">{}</text>',
                (
                    (plot.percent(place), HEIGHT - BELOW + 18, plot.labels[place])
                    for place in _ticks(plot, most)
                ),
            ),
        )


def _ticks(plot: Plot, most: int) -> list[int]:
    """Return the places with a name: days from the first on, of others always the newest."""
    count = len(plot.places)
    if plot.is_dates:
        step = next((days for days in STEPS if count / days <= most), STEPS[-1])
        return list(range(0, count, step))
    step = -(-count // (most * 3 // 4))  # a month and its year are wider than a day
    return list(range((count - 1) % step, count, step))
