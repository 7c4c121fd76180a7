"""What a chart of one metric is made of, and what is to come of it in each of its places. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.dashboards.charts.drawing import Values
from billing.dashboards.charts.forecast import Expected, Forecast, forecast
from billing.dashboards.charts.to_come import ToCome
from billing.dashboards.grains import DAY, folded, names_of
from billing.dashboards.metrics import DISTINCT, MEAN, Metric
from billing.dashboards.numbers import page_language
from billing.dashboards.ranges import Range
from billing.exact import ROUNDING
from billing.invoicing.charging.day_costs import Costs
from billing.periods import ONE_DAY, Days
from billing.templatetags.figures import day_in

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Read:
    """What a chart of one metric is made of: values by day, in the metric's unit.

    ``groups`` has the values of a dimension; ``distinct`` those of places which days cannot tell;
    ``drifts`` says that a level is behind it.
    """

    metric: Metric
    values: Values
    groups: Mapping[str, Values] = field(default_factory=dict)
    distinct: Mapping[Days, Decimal] = field(default_factory=dict)
    costs: Costs = field(default_factory=dict)
    currency: str = ""
    drifts: bool = False
    may_be_forecast: bool = True

    def in_places(self, places: Sequence[Days]) -> Values:
        """Return what it comes to in each place, by its first day."""
        if self.metric.fold == DISTINCT:
            return {one.first: self.distinct[one] for one in places if one in self.distinct}
        return folded(self.values, places, self.metric.fold)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is expected in each place, by its first day, and at the period's end or up to it."""

    places: ToCome
    at_the_end: Expected


def ahead_of(read: Read, asked: Range, today: date) -> Ahead | None:
    """Return what is to come of a range that goes on; None where there is no forecast."""
    if not (read.may_be_forecast and asked.is_running):
        return None
    # Today is not over, but a level stands already.
    first = today + ONE_DAY if read.metric.is_level else today
    known = [day for day in asked.read if day < first]
    used = [day for day in known if read.values.get(day)]
    past = [read.values.get(day, ZERO) for day in known if used and day >= used[0]]
    places = [one for one in asked.shown_places if one.end > first]
    spans = [
        range(max(0, (one.first - first).days), (one.end - first).days)
        for one in (places if asked.grain != DAY else ())
    ]
    days = (asked.shown.end - first).days
    found = forecast(past, days=days, is_level=read.drifts, spans=spans)
    if found is None:
        return None
    each = found.spans if spans else found.days
    return Ahead(
        places={
            place.first: _with_known(one, read, place, first) if spans else one
            for place, one in zip(places, each, strict=True)
        },
        at_the_end=_at_the_end(read, asked, found, first),
    )


def expected_rows(to_come: ToCome, asked: Range) -> list[tuple[str, Expected]]:
    """Return what is to come, by the names of days, weeks or months."""
    language = page_language()
    names = names_of(language, asked.shown, asked.grain, None)
    return [
        (day_in(language, day, "D j M Y") if asked.grain == DAY else names[day], one)
        for day, one in to_come.items()
    ]


def _with_known(expected: Expected, read: Read, place: Days, first: date) -> Expected:
    """Return what a place comes to with its days that are over."""
    whole = _plus(expected, read, place, first)
    if read.metric.fold != MEAN:
        return whole
    value, low, high = (
        ROUNDING.divide(one, len(place)) for one in (whole.value, whole.low, whole.high)
    )
    return Expected(value, low, high)


def _at_the_end(read: Read, asked: Range, found: Forecast, first: date) -> Expected:
    if read.metric.is_level:
        return found.days[-1]
    return _plus(found.total, read, asked.days, first)


def _plus(expected: Expected, read: Read, days: Days, first: date) -> Expected:
    known = sum((read.values.get(day, ZERO) for day in days if day < first), ZERO)
    return Expected(expected.value + known, expected.low + known, expected.high + known)
