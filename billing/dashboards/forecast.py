"""What is to come up to the end of a period, with its interval: a simple model. Pure.

It looks at the last whole days, 28 at most, and knows nothing of holidays or plans:

- what adds up day by day repeats its week: each day to come is the mean of the c days before that
  were of the same weekday; with fewer than two weeks, of all days. With s, the deviation of days
  from these means, the error of a day has the deviation s·√(1 + 1/c), and that of the sum of days
  s·√(Σ(h + h²/c)), h being how many of a weekday are to come: those days' own, and the means';
- a level goes on to change as it did: after k days it is at the last one's plus k·d, with d the
  mean of its changes, and an error of s·√(k + k²/n), with s that of the changes. What a level adds
  up to day by day, such as GB·h, goes the same way; the sum of h such days has the deviation
  s·√(Σj² + (h(h+1)/2)²/n).

The interval is of 80 %: 1.2816 deviations to either side. Nothing is below zero, unless a day that
is looked at was. With fewer than seven days there is no forecast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from itertools import pairwise

ZERO = Decimal(0)
MOST_DAYS, FEWEST_DAYS, WEEK = 28, 7, 7
EIGHTY_PERCENT = Decimal("1.2816")  # deviations of a normal distribution
PRECISION = Context(prec=50)  # a forecast is no bill: it may round


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected, and the ends of the interval."""

    value: Decimal
    low: Decimal
    high: Decimal

    @property
    def margin(self) -> Decimal:
        return self.high - self.value


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of each day to come, and of all of them together."""

    days: Sequence[Expected]
    total: Expected


def forecast(past: Sequence[Decimal], *, days: int, is_level: bool) -> Forecast | None:
    """Return what ``days`` more days come to after whole days in their order; None for too few."""
    known = past[-MOST_DAYS:]
    if days < 1 or len(known) < FEWEST_DAYS:
        return None
    with localcontext(PRECISION):
        expected = _drifting(known, days) if is_level else _steady(known, days)
    return expected if min(known) < 0 else _above_zero(expected)


def _steady(known: Sequence[Decimal], days: int) -> Forecast:
    length = WEEK if len(known) >= 2 * WEEK else 1
    alike = [known[::-1][length - 1 - place :: length] for place in range(length)]
    means = [_mean(each) for each in alike]
    errors = [value - mean for each, mean in zip(alike, means, strict=True) for value in each]
    spread = _root(sum((one * one for one in errors), ZERO) / (len(known) - length))
    each = [
        _expected(means[n % length], spread * _root(1 + Decimal(1) / len(alike[n % length])))
        for n in range(days)
    ]
    counts = [Decimal(len(range(place, days, length))) for place in range(length)]
    variance = sum(
        (count + count * count / len(one) for count, one in zip(counts, alike, strict=True)), ZERO
    )
    total = sum((mean * count for mean, count in zip(means, counts, strict=True)), ZERO)
    return Forecast(each, _expected(total, spread * _root(variance)))


def _drifting(known: Sequence[Decimal], days: int) -> Forecast:
    changes = [later - sooner for sooner, later in pairwise(known)]
    drift, spread, n = _mean(changes), _deviation(changes), len(changes)
    steps = [Decimal(k) for k in range(1, days + 1)]
    each = [_expected(known[-1] + drift * k, spread * _root(k + k * k / n)) for k in steps]
    ramp = sum(steps, ZERO)
    squares = sum((k * k for k in steps), ZERO)
    total = known[-1] * days + drift * ramp
    return Forecast(each, _expected(total, spread * _root(squares + ramp * ramp / n)))


def _expected(value: Decimal, deviation: Decimal) -> Expected:
    margin = EIGHTY_PERCENT * deviation
    return Expected(value, value - margin, value + margin)


def _above_zero(found: Forecast) -> Forecast:
    return Forecast([_raised(one) for one in found.days], _raised(found.total))


def _raised(one: Expected) -> Expected:
    value = max(ZERO, one.value)
    return Expected(value, max(ZERO, value - one.margin), value + one.margin)


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, ZERO) / len(values)


def _deviation(values: Sequence[Decimal]) -> Decimal:
    mean = _mean(values)
    return _root(sum(((value - mean) ** 2 for value in values), ZERO) / (len(values) - 1))


def _root(value: Decimal) -> Decimal:
    return value.sqrt()
