"""How a chart draws what is expected: a dashed line in a band, which is the interval. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from billing.dashboards.charts.forecast import Expected
from billing.templatetags.figures import tick

ToCome = Mapping[date, Expected]
NOTHING_TO_COME: ToCome = {}


def ends(to_come: ToCome) -> Sequence[Mapping[date, Decimal]]:
    """Return how low, and how high, each day may be."""
    lows = {day: one.low for day, one in to_come.items()}
    return lows, {day: one.high for day, one in to_come.items()}


def expected_lines(
    to_come: ToCome, names: Mapping[date, str], size: Decimal, unit: str
) -> list[dict[str, Any]]:
    """Return the interval as a band between two lines, and what is expected as a dashed line.

    ``names`` has what the axis calls each day, or what begins with it.
    """
    if not to_come:
        return []
    days = [names[day] for day in to_come]

    def line(name: str, hue: str, values: Iterable[Decimal], **more: Any) -> dict[str, Any]:
        own = {"x": days, "y": [float(value / size) for value in values], "meta": {"hue": hue}}
        # One day alone is a point, for a line needs two.
        mode = "lines" if len(days) > 1 else "markers"
        return {"type": "scatter", "mode": mode, "name": name, **own, **more}

    each = list(to_come.values())
    margins = [
        gettext("{low} to {high}").format(
            low=_written(one.low / size), high=_written(one.high / size)
        )
        for one in each
    ]
    hover = {
        "customdata": margins,
        "hovertemplate": gettext("expected: {value} ({margin})").format(
            value=f"%{{y:,.3~f}} {unit}", margin="%{customdata}"
        )
        + "<extra></extra>",
    }
    unseen = {"hoverinfo": "skip"}
    return [
        line("low", "band", (one.low for one in each), **unseen),
        line("interval", "band", (one.high for one in each), fill="tonexty", **unseen),
        line("expected", "expected", (one.value for one in each), line={"dash": "dash"}, **hover),
    ]


def _written(value: Decimal) -> str:
    """Write an end of an interval, which has four digits at most."""
    return tick(float(f"{value:.4g}"))
