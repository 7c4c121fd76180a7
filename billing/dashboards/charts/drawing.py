"""Charts as plain Plotly dictionaries, and sparklines as points: pure functions of rows.

Colours, fonts and ticks that depend on the theme and the width are set by static/js/charts.js.
Drawing is the one place where figures become floats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from billing.dashboards.charts import ticks
from billing.dashboards.charts.axis import Extent, stacked, value_axis
from billing.dashboards.charts.ticks import Ticks
from billing.dashboards.charts.to_come import NOTHING_TO_COME, ToCome, ends, expected_lines
from billing.dashboards.grains import DAY
from billing.dashboards.numbers import is_money, page_language
from billing.dashboards.ranges import Range
from billing.invoicing.wording.numerals import money_around
from billing.periods import Days
from billing.templatetags.figures import each_of, scale_for, separators, spans_of

Figure = dict[str, Any]
Values = Mapping[date, Decimal]

ZERO = Decimal(0)
SPARK_WIDTH, SPARK_HEIGHT = 92, 22
_COMMON: Figure = {"showlegend": False, "hovermode": "x unified", "dragmode": False}
LONGEST = 24  # letters of a name beside its figure, as somebody points at it
SUM = "sum"  # the look of what is not drawn
BAR_WIDTH = 67_400_000  # milliseconds of a day; else a day that is alone has none


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart: 0 to 5 are organisations, 6 is the grey of all others."""

    name: str
    values: Values
    hue: int = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """What a chart shows, for a sentence beside it."""

    peak_day: date
    peak: Decimal
    mean: Decimal


def daily_bars(
    *,
    asked: Range,
    series: Sequence[Series],
    before: Values,
    unit: str,
    today: date,
    to_come: ToCome = NOTHING_TO_COME,
) -> Figure:
    """Return stacked bars of the range's places, days as a rule, with the period before as a dashed
    line, and what is to come: all by the first day of the place.

    What is below zero, such as corrections, hangs from it.
    """
    extent = stacked(series, [place.first for place in asked.places]).with_those_of(
        before if asked.is_compared else {}, *ends(to_come)
    )
    size, name = scale_for(extent.size, unit)
    bars = [_bar(one, asked, size, name, today) for one in series]
    return {
        "data": [*bars, *sums(bars, name), *_lines(asked, before, to_come, size, name)],
        "layout": _layout(asked, extent.in_units_of(size), name, barmode="relative", bargap=0.22),
    }


def daily_level(
    *,
    asked: Range,
    series: Series,
    before: Values,
    unit: str,
    to_come: ToCome = NOTHING_TO_COME,
) -> Figure:
    """Return where a level stood in each place, with the period before dashed."""
    extent = Extent().with_those_of(
        series.values, before if asked.is_compared else {}, *ends(to_come)
    )
    size, name = scale_for(extent.size, unit)
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": series.name,
        **_points(asked, series.values, size),
        "fill": "tozeroy",
        "hovertemplate": hover(series.name, name),
        "meta": {"hue": series.hue},
    }
    return {
        "data": [line, *_lines(asked, before, to_come, size, name)],
        "layout": _layout(asked, extent.in_units_of(size), name),
    }


def period_bars(
    *,
    periods: Sequence[tuple[date, str]],
    series: Sequence[Series],
    unit: str,
    is_running: bool,
) -> Figure:
    """Return stacked bars of periods, each with its first day and name; what takes off hangs below.

    The last of them is paler while it is running.
    """
    names = dict(periods)
    opacity = [1.0] * (len(names) - 1) + [0.6 if is_running else 1.0]
    bars = [
        {
            "type": "bar",
            "name": one.name,
            "x": list(names.values()),
            "y": [float(one.values.get(day, ZERO)) for day in names],
            "hovertemplate": hover(one.name, unit),
            "marker": {"opacity": opacity},
            "meta": {"hue": one.hue},
        }
        for one in series
    ]
    return {
        "data": [*bars, *sums(bars, unit)],
        "layout": named_layout(
            [*names.values()],
            ticks.of_names([*names.values()]),
            barmode="relative",
            bargap=0.35,
            yaxis=value_axis(stacked(series, names), unit),
        ),
    }


def sums(bars: Sequence[Figure], unit: str) -> list[Figure]:
    """Return what bars of several colours come to at each place: told to who points, not drawn."""
    if len(bars) < 2:
        return []
    name = gettext("Together")
    each = zip(*(bar["y"] for bar in bars), strict=True)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": bars[0]["x"],
            "y": [float(f"{sum(values):.12g}") for values in each],
            "hovertemplate": hover(name, unit),
            "meta": {"hue": SUM},
        }
    ]


def summarise(values: Values, days: Days) -> Summary | None:
    """Return the peak and the mean of ``days``, or None where there is nothing to draw."""
    each = [values.get(day, ZERO) for day in days]
    if not any(each):
        return None
    peak, peak_day = max(zip(each, days, strict=True))
    return Summary(peak_day=peak_day, peak=peak, mean=sum(each, ZERO) / len(each))


def sparkline(values: Values, days: Days | Sequence[date]) -> str:
    """Return the points of an SVG polyline, from the lowest value to the highest.

    A day that is alone has no course, and so no points.
    """
    if len(days) == 1:
        return ""
    heights = [float(values.get(day, ZERO)) for day in days]
    low, high = min(heights), max(heights)
    step = SPARK_WIDTH / (len(heights) - 1)
    scale = (SPARK_HEIGHT - 4) / (high - low) if high > low else 0.0
    base = SPARK_HEIGHT - 2 if high > low else SPARK_HEIGHT / 2
    return " ".join(
        f"{n * step:.1f},{base - (height - low) * scale:.1f}" for n, height in enumerate(heights)
    )


def _bar(series: Series, asked: Range, size: Decimal, unit: str, today: date) -> Figure:
    so_far = [place.first <= today < place.end for place in asked.places]
    return {
        "type": "bar",
        "name": series.name,
        **_points(asked, series.values, size),
        "hovertemplate": hover(series.name, unit),
        **({"width": BAR_WIDTH} if asked.grain == DAY else {}),
        "marker": {"opacity": [0.6 if is_so_far else 1.0 for is_so_far in so_far]},
        "meta": {"hue": series.hue},
    }


def _points(asked: Range, values: Values, size: Decimal) -> Figure:
    firsts = [place.first for place in asked.places]
    return {
        "x": list(asked.names.values())[: len(firsts)],
        "y": [float(values.get(first, ZERO) / size) for first in firsts],
    }


def _lines(asked: Range, before: Values, to_come: ToCome, size: Decimal, unit: str) -> list[Figure]:
    dashed = [_dashed(asked, before, size, unit)] if asked.is_compared else []
    return [*dashed, *expected_lines(to_come, asked.names, size, unit)]


def _dashed(asked: Range, before: Values, size: Decimal, unit: str) -> Figure:
    earlier, language = asked.before_places, page_language()
    is_daily = asked.grain == DAY
    named = each_of(language, asked.before) if is_daily else spans_of(language, tuple(earlier))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": gettext("the period before"),
        "x": list(asked.names.values())[: len(earlier)],
        "y": [float(before.get(place.first, ZERO) / size) for place in earlier],
        "customdata": list(named[: len(earlier)]),
        "hovertemplate": f"%{{customdata}}: %{{y:,.3~f}} {unit}<extra></extra>",
        "line": {"dash": "dot"},
        "meta": {"hue": "before"},
    }


def named_layout(names: Sequence[str], ticks: Mapping[str, Ticks], **more: object) -> Figure:
    """Return the layout of a chart whose places have names; ``more`` has its axis of values."""
    return {
        **_COMMON,
        "bargap": 0.22,
        "separators": separators(),
        "meta": {"names": list(names), "ticks": ticks},
        "xaxis": {
            "type": "category",
            "fixedrange": True,
            "categoryorder": "array",
            "categoryarray": list(names),
            "range": [-0.5, len(names) - 0.5],
            "unifiedhovertitle": {"text": "%{x}"},  # all of the name, and not what fits below it
        },
        "shapes": [],
        **more,
    }


def _layout(asked: Range, extent: Extent, unit: str, **more: object) -> Figure:
    more["yaxis"] = value_axis(extent, unit)
    known, shown = len(asked.places), len(asked.names)
    band = {"name": "to-come", "type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1}
    band |= {"layer": "below", "line": {"width": 0}}
    if asked.grain != DAY:
        fitting = ticks.of_places(page_language(), asked.shown, asked.grain, asked.names)
        ahead = [{**band, "x0": known - 0.5, "x1": shown - 0.5}] if known < shown else []
        return named_layout([*asked.names.values()], fitting, shapes=ahead, **more)
    first, end = asked.shown.first, asked.shown.end
    sides = _noon_before(asked.days.end), _noon_before(end)
    return {
        **_COMMON,
        **more,
        "separators": separators(),
        "meta": {
            "days": shown,
            "first": first.isoformat(),
            "ticks": ticks.of_days(page_language(), asked.shown),
        },
        "xaxis": {
            "type": "date",
            "range": [_noon_before(first), _noon_before(end)],
            "fixedrange": True,
            # Else a day that is named below the chart is called so here, too: without its weekday.
            "unifiedhovertitle": {"text": f"%{{x|{gettext('%a %-d %b %Y')}}}"},
        },
        "shapes": [{**band, "x0": sides[0], "x1": sides[1]}] if known < shown else [],
    }


def _noon_before(day: date) -> str:
    """Return where the places of a day and the one before it meet."""
    return (datetime.combine(day, time()) - timedelta(hours=12)).isoformat()


def hover(name: str, unit: str) -> str:
    # A name is data: Plotly would read its tags as markup. On a phone, a longer one has no room.
    short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    plain = short.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")
    figure = money_around(page_language(), "%{y:,.2f}", unit) if is_money(unit) else ""
    return f"{plain}: {figure or f'%{{y:,.3~f}} {unit}'}<extra></extra>"
