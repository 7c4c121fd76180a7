"""What days cost: their share of the bill of the billing period that they are in. Pure.

Prices are of a period, not of a day: with tiers and allowances no hour has a price of its own. So
of each line days cost what their share of the service's usage is of its amount:

- What a line came to by the start of a day is rounded, and days cost the difference of two of
  these. So a day costs the same whatever days it is shown among, days add up to what they cost
  together, and those of a whole period to its bill, to the last cent.
- Where a change of plan divides a period, each span of it is shared out by itself, at its prices.
- What does not add up over days (a max, a latest, a unique count), and what is owed although
  nothing was used, is shared by days. While a period goes on, its bill is of the days so far; a
  span of it that is to come costs nothing yet.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from billing.exact import EXACT, QUANTITY_STEP, ROUNDING, ZERO, exactly
from billing.invoicing.charging.lines import RatedLine
from billing.invoicing.charging.rated import RatedPeriod, line_key
from billing.periods import ONE_DAY, Days
from billing.pricing.currencies import round_amount

FINE = Decimal("1e-40")  # shares are as fine, so that adding them up is exact

UsedBefore = Callable[[int, Days, date], Decimal | None]
"""How much of a service was used from the start of a span up to a day of it; None where that does
not add up over days."""

Until = Callable[[date], Decimal]
"""How much of something there was by the start of a day."""

Costs = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True)
class Part:
    """Those days of a billing period that are asked for; ``until`` is the day after today."""

    period: Days
    days: Days
    until: date

    @property
    def is_whole(self) -> bool:
        """Say whether they are all days of the period that there were so far."""
        end = min(self.period.end, self.until)
        return self.days.first == self.period.first and self.days.end >= end


def is_all(part: Part, bill: RatedPeriod) -> bool:
    """Say whether the days cost all of a bill: none is left out, and no span of it is to come."""
    return part.is_whole and all(span.days.first < part.until for span in bill.spans)


def cost_of(part: Part, bill: RatedPeriod, used_before: UsedBefore) -> RatedPeriod:
    """Return what the days cost of their period's bill. Of a share there is no working."""
    if is_all(part, bill):
        return bill
    shares = _Shares(part, bill.currency, used_before)
    lines = [
        replace(
            line,
            amount=shares.cost(part.days, line, spans),
            quantity=shares.quantity(part.days, line, spans),
            working=(),
        )
        for line, spans in _with_spans(part, bill)
    ]
    with exactly():
        total = sum((line.amount for line in lines), ZERO)
    return replace(bill, lines=tuple(lines), total=total, spans=())


def costs_per_day(part: Part, bill: RatedPeriod, used_before: UsedBefore) -> Mapping[int, Costs]:
    """Return what each day costs that is not to come, by service: of those that have a line."""
    each = [Days(day, day + ONE_DAY) for day in part.days]
    costs = costs_of_each(each, part, bill, used_before)
    return {
        service: {days.first: cost for days, cost in its.items()} for service, its in costs.items()
    }


def costs_of_each(
    spans: Sequence[Days], part: Part, bill: RatedPeriod, used_before: UsedBefore
) -> Mapping[int, Mapping[Days, Decimal]]:
    """Return what spans of the part's days cost, as days of theirs add up to; not what is to come.

    They follow each other, from the part's first day on.
    """
    shares = _Shares(part, bill.currency, used_before)
    found: defaultdict[int, defaultdict[Days, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line, made_of in _with_spans(part, bill):
        amount_until = shares.amount_until(line, made_of)
        own, before = found[line.service_id], amount_until(part.days.first)
        for span in spans:
            if span.first < part.until:
                after = amount_until(span.end)
                own[span] = EXACT.add(own[span], EXACT.subtract(after, before))
                before = after
    return found


class _OfSpan(NamedTuple):
    """What a line is of a span of its period; the amount is unrounded where there are others."""

    days: Days
    amount: Decimal
    quantity: Decimal


def _with_spans(part: Part, bill: RatedPeriod) -> Iterator[tuple[RatedLine, Sequence[_OfSpan]]]:
    """Yield each line with what it is made of: a line is rounded once."""
    divided: defaultdict[tuple[int, str, str], list[_OfSpan]] = defaultdict(list)
    for days, of_span in bill.spans:
        for line in of_span.lines if of_span.currency == bill.currency else ():
            with exactly():
                amount = sum((step.amount for step in line.working), ZERO)
            divided[line_key(line)].append(_OfSpan(days, amount, line.quantity))
    for line in bill.lines:
        whole = _OfSpan(part.period, line.amount, line.quantity)
        yield line, divided.get(line_key(line)) or [whole]


@dataclass(frozen=True, slots=True)
class _Shares:
    part: Part
    currency: str
    used_before: UsedBefore

    def cost(self, days: Days, line: RatedLine, spans: Sequence[_OfSpan]) -> Decimal:
        amount_until = self.amount_until(line, spans)
        return EXACT.subtract(amount_until(days.end), amount_until(days.first))

    def quantity(self, days: Days, line: RatedLine, spans: Sequence[_OfSpan]) -> Decimal:
        """Return how much of a line's quantity is of the days; all of what does not add up."""
        if self.used_before(line.service_id, spans[0].days, spans[0].days.first) is None:
            return line.quantity
        until = self._until(line, [(span.days, span.quantity) for span in spans])
        by_end, by_first = (
            until(day).quantize(QUANTITY_STEP, context=ROUNDING) for day in (days.end, days.first)
        )
        return EXACT.subtract(by_end, by_first)

    def amount_until(self, line: RatedLine, spans: Sequence[_OfSpan]) -> Until:
        """Return what a line came to by the start of each day, rounded."""
        until = self._until(line, [(span.days, span.amount) for span in spans])
        return lambda day: round_amount(until(day), self.currency)

    def _until(self, line: RatedLine, each: Sequence[tuple[Days, Decimal]]) -> Until:
        of_spans = [self._of(whole, line, days) for days, whole in each]
        if len(of_spans) == 1:
            return of_spans[0]

        def until(day: date) -> Decimal:
            with exactly():
                return sum((of(day) for of in of_spans), ZERO)

        return until

    def _of(self, whole: Decimal, line: RatedLine, span: Days) -> Until:
        """Return what of something whole is of a span's days before each day, unrounded."""
        service, until = line.service_id, self.part.until
        end = min(span.end, until)
        if not whole or end <= span.first:
            return lambda _: ZERO
        used, lasted = self.used_before(service, span, end), Decimal((end - span.first).days)

        def of(day: date) -> Decimal:
            if day <= span.first:
                return ZERO
            if day >= end:
                return whole
            if used is not None and used > 0:
                return _share(whole, self.used_before(service, span, day) or ZERO, used)
            return _share(whole, Decimal((day - span.first).days), lasted)

        return of


def _share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    exact = ROUNDING.divide(ROUNDING.multiply(whole, part), of)
    return exact.quantize(FINE, context=ROUNDING)
