"""Who makes up a figure, and who moved it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext

from billing.dashboards.charts.drawing import Series, Values
from billing.dashboards.metrics import Change
from billing.dashboards.overview.tables import change_of
from billing.periods import Days
from billing.rankings.reading import Ranked

OTHERS_HUE = 6
ZERO = Decimal(0)
HALF_BAR = 100  # of a bar that grows to both sides


@dataclass(frozen=True, slots=True)
class Mover:
    """An organisation whose use changed much, with its bar: where it starts and how long it is."""

    name: str
    slug: str
    change: Change
    bar_x: int
    bar_width: int


def stack(named: Sequence[tuple[str, Values]], totals: Values, days: Days) -> list[Series]:
    """Return a series for each of the largest, and one for all others where there are any."""
    series = [Series(name, values, hue) for hue, (name, values) in enumerate(named)]
    others = {
        day: totals.get(day, ZERO) - sum((one.values.get(day, ZERO) for one in series), ZERO)
        for day in days
    }
    if any(others.values()):
        series.append(Series(gettext("All others"), others, OTHERS_HUE))
    return series


def movers(rows: Sequence[Ranked], figure: str) -> list[Mover]:
    """Return rows with the bars of their changes, each as long as it is beside the longest."""
    moved = [(row, change_of(row, figure)) for row in rows]
    longest = max((abs(change.difference) for _, change in moved), default=ZERO)
    return [_mover(row, change, longest) for row, change in moved]


def _mover(row: Ranked, change: Change, longest: Decimal) -> Mover:
    width = max(1, int(HALF_BAR * abs(change.difference) / longest))
    start = HALF_BAR if change.difference > 0 else HALF_BAR - width
    return Mover(row.name, row.slug, change, bar_x=start, bar_width=width)
