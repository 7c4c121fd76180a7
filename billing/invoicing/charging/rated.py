"""What usage comes to at known prices: line by line, and spans of a period together. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from billing.exact import ZERO, exactly, in_units
from billing.invoicing.charging.agreed import Price
from billing.invoicing.charging.lines import RatedLine
from billing.invoicing.charging.parts import Figures, Part
from billing.invoicing.charging.subscriptions import InForce
from billing.periods import Days
from billing.pricing.currencies import round_amount
from billing.pricing.rating import Usage, rate


@dataclass(frozen=True, slots=True)
class RatedPeriod:
    """What one organisation owes for its usage of a period, in ``currency``. ``together`` are those
    of its volume account, whose usage makes its price as well; ``spans`` what changes of plan
    divide the period into.
    """

    currency: str
    plan_version_id: int
    total: Decimal
    lines: tuple[RatedLine, ...]
    together: tuple[UUID, ...] = ()
    spans: "tuple[Span, ...]" = ()


class Span(NamedTuple):
    """Days of a period that are rated by themselves."""

    days: Days
    rated: RatedPeriod


class Used(NamedTuple):
    """What was used: of whole services, and of the parts of some."""

    figures: Mapping[tuple[UUID, int], Decimal]
    parts: Mapping[tuple[UUID, Part], Figures]

    def of(self, organisation: UUID, price: Price) -> Usage:
        """Return it in the service's unit."""
        unit_size = price.service.unit_size
        if price.part.is_whole:
            figure = self.figures.get((organisation, price.service.pk), ZERO)
            return Usage(in_units(figure, unit_size=unit_size))
        used = self.parts.get((organisation, price.part), Figures())
        events = [in_units(one, unit_size=unit_size) for one in used.events]
        if price.part.by_event:
            with exactly():
                return Usage(sum(events, ZERO), events)
        return Usage(in_units(used.figure, unit_size=unit_size))


def rate_agreed(
    plan: InForce, prices: Sequence[Price], used: Used, organisation: UUID
) -> RatedPeriod:
    """Rate what one organisation used at prices that are known; it is in no volume account."""
    return rated_period(
        plan, [rated_line(price, used.of(organisation, price), plan) for price in prices]
    )


def rated_period(plan: InForce, lines: Iterable[RatedLine]) -> RatedPeriod:
    each = tuple(lines)
    with exactly():
        total = sum((line.amount for line in each), ZERO)
    return RatedPeriod(plan.currency, plan.plan_version_id, total, each)


def rated_line(price: Price, usage: Usage, plan: InForce) -> RatedLine:
    rated = rate(usage, price.terms)
    return RatedLine(
        service_id=price.service.pk,
        service_name=price.service.name,
        quantity=usage.quantity,
        unit=price.service.unit,
        amount=round_amount(rated.amount, plan.currency),
        working=rated.working,
        value=price.part.value,
        tax_class=price.tax_class,
    )


def joined(whole: RatedPeriod, spans: Iterable[Span]) -> RatedPeriod:
    """Add up the spans of a period: a charge has one line, whose working is that of its spans."""
    each = tuple(spans)
    return replace(_together(whole, [span.rated for span in each], _as_one), spans=each)


def added(bills: Sequence[RatedPeriod]) -> RatedPeriod:
    """Add up bills of periods, in their order, to the cent that each is billed at.

    They are in the currency of the last: what is in others does not add up.
    """
    return replace(_together(bills[-1], bills, _as_billed), spans=())


def line_key(line: RatedLine) -> tuple[int, str, str]:
    """Return what tells a bill's lines of usage from each other."""
    return line.service_id, line.value, line.tax_class


def _together(
    whole: RatedPeriod,
    parts: Iterable[RatedPeriod],
    both: Callable[[RatedLine, RatedLine, str], RatedLine],
) -> RatedPeriod:
    lines: dict[tuple[int, str, str], RatedLine] = {}
    for part in parts:
        if part.currency != whole.currency:
            continue  # an invoice has one currency: what it changed from is not in it
        for line in part.lines:
            key = line_key(line)
            lines[key] = both(lines[key], line, whole.currency) if key in lines else line
    with exactly():
        total = sum((line.amount for line in lines.values()), ZERO)
    each = sorted(lines.values(), key=lambda line: (line.service_name, line.service_id))
    return replace(whole, total=total, lines=tuple(each))


def _as_one(one: RatedLine, other: RatedLine, currency: str) -> RatedLine:
    both = _as_billed(one, other, currency)
    with exactly():
        unrounded = sum((step.amount for step in both.working), ZERO)
    return replace(both, amount=round_amount(unrounded, currency))


def _as_billed(one: RatedLine, other: RatedLine, currency: str) -> RatedLine:
    with exactly():
        return replace(
            one,
            quantity=one.quantity + other.quantity,
            amount=one.amount + other.amount,
            working=(*one.working, *other.working),
        )
