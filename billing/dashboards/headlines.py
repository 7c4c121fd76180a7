"""The big figures at the top of a page. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext

from billing.dashboards.charts.drawing import Values, sparkline
from billing.dashboards.metrics import EXECUTION, GB_HOURS, STORED, Change, Metric
from billing.dashboards.ranges import Range
from billing.periods import ONE_DAY, Days

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure, and its change since a day (a level) or against days before (a sum)."""

    name: str
    value: Decimal
    unit: str
    change: Change | None
    since: date | None
    against: Days | None
    points: str


def headlines(daily: Mapping[str, Values], asked: Range, *, today: date) -> list[Headline]:
    return [
        _level(STORED, daily[STORED.slug], asked, today=today),
        _sum(GB_HOURS, daily[GB_HOURS.slug], asked),
        _sum(EXECUTION, daily[EXECUTION.slug], asked),
    ]


def _level(metric: Metric, values: Values, asked: Range, *, today: date) -> Headline:
    now = values.get(asked.days.last, ZERO)
    before = values.get(asked.days.first - ONE_DAY, ZERO)
    return Headline(
        name=gettext("Stored now") if asked.days.last == today else gettext("Stored at the end"),
        value=now,
        unit=metric.unit,
        change=Change(now=now, before=before),
        since=asked.days.first,
        against=None,
        points=sparkline(values, asked.days),
    )


def _sum(metric: Metric, values: Values, asked: Range) -> Headline:
    return Headline(
        name=metric.name,
        value=_total(values, asked.days),
        unit=metric.unit,
        change=_change(values, asked),
        since=None,
        against=asked.compared_with,
        points=sparkline(values, asked.whole or asked.days),
    )


def _change(values: Values, asked: Range) -> Change | None:
    if asked.compared is None or asked.compared_with is None:
        return None
    return Change(now=_total(values, asked.compared), before=_total(values, asked.compared_with))


def _total(values: Values, days: Days) -> Decimal:
    return sum([values.get(day, ZERO) for day in days], ZERO)
