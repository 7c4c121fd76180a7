"""The axis of a chart's values: from its lowest to its highest, with few round ticks. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

from billing.templatetags.figures import tick_in_scale

ZERO = Decimal(0)
ROOM = 1.02  # beyond the last tick
Place = TypeVar("Place")


class HasValues(Protocol[Place]):
    """One colour of a chart, such as charts.Series."""

    @property
    def values(self) -> Mapping[Place, Decimal]: ...


class Extent(NamedTuple):
    """How far values go below zero, and above it: zero itself is always in it."""

    low: Decimal = ZERO
    high: Decimal = ZERO

    @property
    def size(self) -> Decimal:
        return max(self.high, -self.low)

    def with_those_of(self, *many: Mapping[Any, Decimal]) -> "Extent":
        each = list(chain(self, *(values.values() for values in many)))
        return Extent(min(each), max(each))

    def in_units_of(self, size: Decimal) -> "Extent":
        return Extent(self.low / size, self.high / size)


def stacked(series: Sequence[HasValues[Place]], places: Iterable[Place]) -> Extent:
    """Return how far stacks go, where what is below zero hangs from it."""
    low, high = ZERO, ZERO
    for place in places:
        values = [one.values.get(place, ZERO) for one in series]
        low = min(low, sum((value for value in values if value < 0), ZERO))
        high = max(high, sum((value for value in values if value > 0), ZERO))
    return Extent(low, high)


def value_axis(extent: Extent, unit: str) -> dict[str, Any]:
    """Return the axis: the unit stands at each of its ticks but zero."""
    low, high = map(float, extent)
    step = _round_step((high - low) / 4) if high > low else 1.0
    first, last = math.floor(low / step), math.ceil(high / step)
    values = [step * n for n in range(first, max(last, first + 1) + 1)]
    return {
        "range": [values[0] * ROOM, values[-1] * ROOM],
        "fixedrange": True,
        "tickvals": values,
        "ticktext": [tick_in_scale(value, unit) if value else "0" for value in values],
    }


def _round_step(at_least: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(at_least))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= at_least * 0.999)
