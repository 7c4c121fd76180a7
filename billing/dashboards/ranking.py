"""Who makes up a figure, and who moved it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.dashboards.charts import Series, Values
from billing.dashboards.metrics import Change, Metric
from billing.dashboards.tables import OTHERS_HUE, Row
from billing.periods import Days

TOP = 6
MOVERS = 6
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


def largest(rows: Sequence[Row], metric: Metric) -> list[Row]:
    """Return the few rows with the most use, the largest first."""
    used = [row for row in rows if row.used.of(metric) > 0]
    return sorted(used, key=lambda row: (-row.used.of(metric), row.name, row.id))[:TOP]


def stack(
    top: Sequence[Row], daily: Mapping[UUID, Values], totals: Values, days: Days
) -> list[Series]:
    """Return a series for each of the largest, and one for all others where there are any."""
    series = [Series(row.name, daily.get(row.id, {}), hue) for hue, row in enumerate(top)]
    others = {
        day: totals.get(day, ZERO) - sum((one.values.get(day, ZERO) for one in series), ZERO)
        for day in days
    }
    if any(others.values()):
        series.append(Series("All others", others, OTHERS_HUE))
    return series


def movers(rows: Sequence[Row]) -> list[Mover]:
    """Return the organisations that changed the most, from the riser to the faller."""
    moved = [(row, row.change) for row in rows if row.change and row.change.difference]
    moved.sort(key=lambda pair: (-abs(pair[1].difference), pair[0].name, pair[0].id))
    most = moved[:MOVERS]
    longest = max((abs(change.difference) for _, change in most), default=ZERO)
    return [
        _mover(row, change, longest)
        for row, change in sorted(most, key=lambda pair: -pair[1].difference)
    ]


def _mover(row: Row, change: Change, longest: Decimal) -> Mover:
    width = max(1, int(HALF_BAR * abs(change.difference) / longest))
    start = HALF_BAR if change.difference > 0 else HALF_BAR - width
    return Mover(row.name, row.slug, change, bar_x=start, bar_width=width)
