"""What is to come up to the end of a period, with its interval: a simple model. Pure.

It looks at the last whole days, 28 at most, and knows nothing of holidays or plans:

- what adds up day by day repeats its week: each day to come is the mean of the c days before that
  were of the same weekday; with fewer than two weeks, of all days. With s, the deviation of days
  from these means, the error of a day has the deviation s·√(1 + 1/c), and that of the sum of days
  s·√(Σ(h + h²/c)), h being how many of a weekday are to come: those days' own, and the means';
- a level goes on to change as it did: after k days it is at the last one's plus k·d, with d the
  mean of its changes, and an error of s·√(k + k²/n), with s that of the changes. What a level adds
  up to day by day, such as GB·h, goes the same way; the sum of h such days, after a others, has the
  deviation s·√(a·h² + Σj² + (Σk)²/n), with j from 1 to h, and k from a + 1 to a + h.

The interval is of 80 %: 1.2816 deviations to either side. Nothing is below zero, unless a day that
is looked at was. With fewer than seven days there is no forecast.
"""

from collections.abc import Callable, Sequence
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
    """Of each day to come, of all of them together, and of some spans of them."""

    days: Sequence[Expected]
    total: Expected
    spans: Sequence[Expected] = ()


def forecast(
    past: Sequence[Decimal], *, days: int, is_level: bool, spans: Sequence[range] = ()
) -> Forecast | None:
    """Return what ``days`` more days come to after whole days in their order; None for too few.

    Spans are of those days, of which the first is 0; what they come to is their days' sum.
    """
    known = past[-MOST_DAYS:]
    if days < 1 or len(known) < FEWEST_DAYS:
        return None
    each = [range(day, day + 1) for day in range(days)]
    with localcontext(PRECISION):
        expected_of = _drifting(known) if is_level else _steady(known)
        found = Forecast(
            days=[expected_of(one) for one in each],
            total=expected_of(range(days)),
            spans=[expected_of(one) for one in spans],
        )
    return found if min(known) < 0 else _above_zero(found)


def _steady(known: Sequence[Decimal]) -> Callable[[range], Expected]:
    length = WEEK if len(known) >= 2 * WEEK else 1
    alike = [known[::-1][length - 1 - place :: length] for place in range(length)]
    means = [_mean(each) for each in alike]
    errors = [value - mean for each, mean in zip(alike, means, strict=True) for value in each]
    spread = _root(sum((one * one for one in errors), ZERO) / (len(known) - length))

    def expected_of(span: range) -> Expected:
        """How many of a weekday are in it decides how sure it is."""
        counts = [Decimal(sum(day % length == place for day in span)) for place in range(length)]
        variance = sum(
            (count + count * count / len(one) for count, one in zip(counts, alike, strict=True)),
            ZERO,
        )
        total = sum((mean * count for mean, count in zip(means, counts, strict=True)), ZERO)
        return _expected(total, spread * _root(variance))

    return expected_of


def _drifting(known: Sequence[Decimal]) -> Callable[[range], Expected]:
    changes = [later - sooner for sooner, later in pairwise(known)]
    drift, spread, n = _mean(changes), _deviation(changes), len(changes)

    def expected_of(span: range) -> Expected:
        """What changes before it counts on each of its days, and later changes on fewer."""
        steps = [Decimal(day + 1) for day in span]
        ramp, days = sum(steps, ZERO), Decimal(len(span))
        squares = sum((Decimal(j * j) for j in range(1, len(span) + 1)), span.start * days * days)
        total = known[-1] * days + drift * ramp
        return _expected(total, spread * _root(squares + ramp * ramp / n))

    return expected_of


def _expected(value: Decimal, deviation: Decimal) -> Expected:
    margin = EIGHTY_PERCENT * deviation
    return Expected(value, value - margin, value + margin)


def _above_zero(found: Forecast) -> Forecast:
    days, spans = ([_raised(one) for one in many] for many in (found.days, found.spans))
    return Forecast(days, _raised(found.total), spans)


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
