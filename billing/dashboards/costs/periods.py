"""What an organisation's billing periods came to, by service. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext, gettext_lazy

from billing.dashboards.charts.drawing import Series
from billing.exact import ZERO, exactly
from billing.invoicing.charging.lines import Kind
from billing.periods import Days, month_of

MOST_SERVICES = 5  # with a colour of their own
REST, REST_HUE = gettext_lazy("All other services"), 6
FEES, FEES_HUE = gettext_lazy("Fees, discounts and credit"), 5
OF_SERVICES = (Kind.USAGE, Kind.CORRECTION)


class CostLine(NamedTuple):
    """A line of an invoice, or of the bill to come, which has no number."""

    first: date
    end: date
    number: str
    kind: str
    name: str
    amount: Decimal


@dataclass(slots=True)
class CostPeriod:
    """What one period came to, by the name of a series."""

    days: Days
    number: str
    amounts: dict[str, Decimal] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        with exactly():
            return sum(self.amounts.values(), ZERO)

    @property
    def name(self) -> str:
        """Of a month its name, else the day on which it starts."""
        is_month = self.days == month_of(self.days.first)
        return format_date(self.days.first, gettext("M Y") if is_month else gettext("j M y"))


@dataclass(frozen=True, slots=True)
class CostHistory:
    """Periods, the oldest first, and a series for each colour; a table has its columns."""

    periods: Sequence[CostPeriod]
    series: Sequence[Series]

    @property
    def rows(self) -> list[tuple[CostPeriod, list[Decimal]]]:
        """Each period with its amounts in the order of the series, the newest first."""
        return [
            (one, [one.amounts.get(series.name, ZERO) for series in self.series])
            for one in reversed(self.periods)
        ]


def history(lines: Iterable[CostLine], *, most: int | None = None) -> CostHistory:
    """Put lines of one currency together by period and service: the dearest by name, and the rest.

    Of more than the ``most`` periods, the last ones. A correction is in the period whose invoice
    has it.
    """
    read = _last(list(lines), most)
    hues = _hues(read)
    periods: dict[tuple[date, str], CostPeriod] = {}
    with exactly():
        for line in sorted(read, key=lambda one: one.first):
            days = Days(line.first, line.end)
            period = periods.setdefault((line.first, line.number), CostPeriod(days, line.number))
            name = _series_of(line, hues)
            period.amounts[name] = period.amounts.get(name, ZERO) + line.amount
    found = list(periods.values())
    series = [Series(name, _values(name, found), hue) for name, hue in hues.items()]
    return CostHistory(found, [one for one in series if one.values])


def _last(lines: Sequence[CostLine], most: int | None) -> Sequence[CostLine]:
    periods = sorted({(line.first, line.number) for line in lines})
    if most is None or len(periods) <= most:
        return lines
    kept = set(periods[-most:])
    return [line for line in lines if (line.first, line.number) in kept]


def _values(name: str, periods: Iterable[CostPeriod]) -> dict[date, Decimal]:
    return {one.days.first: one.amounts[name] for one in periods if name in one.amounts}


def _hues(lines: Sequence[CostLine]) -> Mapping[str, int]:
    sums: dict[str, Decimal] = {}
    with exactly():
        for line in lines:
            if line.kind in OF_SERVICES:
                sums[line.name] = sums.get(line.name, ZERO) + line.amount
    dearest = sorted(sums, key=lambda name: (-sums[name], name))[:MOST_SERVICES]
    others = {str(REST): REST_HUE, str(FEES): FEES_HUE}
    return {**{name: hue for hue, name in enumerate(dearest)}, **others}


def _series_of(line: CostLine, hues: Mapping[str, int]) -> str:
    if line.kind not in OF_SERVICES:
        return str(FEES)
    return line.name if line.name in hues else str(REST)
