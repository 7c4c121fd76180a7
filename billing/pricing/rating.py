"""Rate what was used in a period: what it costs, and how that comes about. Pure and exact.

What is done to a charge, in this order: the quantity is converted, and rounded once; the allowance
is taken off; the price is worked out (prices.py); then come the discount, the minimum and the
maximum. Nothing here rounds money: currencies.py does, once for each invoice line.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, getcontext, setcontext
from typing import Any

import msgspec

from billing.exact import EXACT, ROUNDING, ZERO
from billing.pricing.prices import (
    Conversion,
    Flat,
    Graduated,
    Package,
    Percentage,
    PerUnit,
    Rounding,
    Terms,
    Volume,
)
from billing.pricing.tiers import ONE, Step


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What was used of a service in a period, in the service's unit.

    ``events`` are the quantities of the single events, in order, which only a percentage needs.
    """

    quantity: Decimal
    events: Sequence[Decimal] = ()


class Rated(msgspec.Struct, frozen=True, gc=False):
    """An unrounded amount, and the working: the amounts in it add up to exactly that."""

    amount: Decimal
    working: tuple[Step, ...]


def rate(usage: Usage, terms: Terms) -> Rated:
    """Return what usage costs by the terms of a charge.

    A quantity below zero costs what none does: late corrections can take a sum there for a while,
    and nobody is paid for usage.
    """
    before = getcontext()
    setcontext(EXACT)  # as exactly() does, but without a copy, which takes as long as the rest
    try:
        return _rate(usage, terms)
    finally:
        setcontext(before)


def _rate(usage: Usage, terms: Terms) -> Rated:
    steps = tuple(_steps(usage, terms))
    # Most have one: to add it up takes as long as to work it out.
    amount = steps[0].amount if len(steps) == 1 else sum([step.amount for step in steps], ZERO)
    if terms.discount or terms.minimum is not None or terms.maximum is not None:
        more = tuple(_adjustments(amount, terms))
        steps += more
        amount = sum([step.amount for step in more], amount)
    return Rated(amount, steps)


def convert(quantity: Decimal, conversion: Conversion) -> Decimal:
    """Return a quantity in the units that are priced, rounded."""
    divided = ROUNDING.divide(quantity, conversion.divide_by)
    step = ONE.scaleb(-conversion.places)
    return divided.quantize(step, rounding=conversion.rounding.value, context=ROUNDING)


def _steps(usage: Usage, terms: Terms) -> Iterable[Step]:
    price = terms.price
    if isinstance(price, Percentage):
        return _percentage(usage.events, price)
    quantity = usage.quantity if usage.quantity > ZERO else ZERO
    if terms.conversion is not None:
        quantity = convert(quantity, terms.conversion)
    if terms.allowance:
        free = min(quantity, terms.allowance)
        allowed = Step(ZERO, terms.allowance, free, ZERO, ZERO, "allowance")
        return [allowed, *_PRICED[type(price)](quantity - free, price)]
    return _PRICED[type(price)](quantity, price)


def _flat(quantity: Decimal, price: Flat) -> Iterable[Step]:
    return (Step(ZERO, None, ONE, price.amount, price.amount, "flat fee"),)


def _per_unit(quantity: Decimal, price: PerUnit) -> Iterable[Step]:
    amount = quantity * price.unit_price
    return (Step(ZERO, None, quantity, price.unit_price, amount),)


def _package(quantity: Decimal, price: Package) -> Iterable[Step]:
    allowed: tuple[Step, ...] = ()
    if price.free_units:
        free = min(quantity, price.free_units)
        allowed = (Step(ZERO, price.free_units, free, ZERO, ZERO, "allowance"),)
        quantity -= free
    packages = quantity // price.size
    if price.rounding is Rounding.UP and packages * price.size < quantity:
        packages += 1
    amount = packages * price.amount
    return (*allowed, Step(ZERO, None, packages, price.amount, amount, "package"))


def _graduated(quantity: Decimal, price: Graduated) -> Iterable[Step]:
    tiers = price.tiers
    index = tiers.reached(quantity)
    start = tiers.starts[index]
    is_due = price.flat_fee_on_zero or quantity > ZERO
    last = tiers.each[index].steps(start=start, quantity=quantity - start, is_due=is_due)
    return (*tiers.filled[index], *last)


def _volume(quantity: Decimal, price: Volume) -> Iterable[Step]:
    tiers = price.tiers
    index = tiers.reached(quantity)
    is_due = price.flat_fee_on_zero or quantity > ZERO
    return tiers.each[index].steps(start=tiers.starts[index], quantity=quantity, is_due=is_due)


_PRICED: dict[type, Callable[[Decimal, Any], Iterable[Step]]] = {
    Flat: _flat,
    PerUnit: _per_unit,
    Package: _package,
    Graduated: _graduated,
    Volume: _volume,
}


@dataclass(slots=True)
class _Paid:
    """What a percentage takes of events, added up."""

    free: Decimal = ZERO
    quantity: Decimal = ZERO
    events: int = 0
    raised: Decimal = ZERO
    lowered: Decimal = ZERO


def _percentage(events: Sequence[Decimal], price: Percentage) -> Iterator[Step]:
    paid = _pay(events, price)
    if paid.free:
        yield Step(ZERO, price.free_amount, paid.free, ZERO, ZERO, "allowance")
    yield Step(paid.free, None, paid.quantity, price.rate, paid.quantity * price.rate)
    if price.fee:
        count = Decimal(paid.events)
        yield Step(ZERO, None, count, price.fee, count * price.fee, "fee")
    for amount, kind in ((paid.raised, "minimum"), (paid.lowered, "maximum")):
        if amount:
            yield Step(ZERO, None, ONE, amount, amount, kind)


def _pay(events: Sequence[Decimal], price: Percentage) -> _Paid:
    paid = _Paid()
    is_any_free = price.free_events is not None or price.free_amount is not None
    for number, quantity in enumerate(events):
        if quantity < 0:  # of an earlier payment, which kept its fee
            paid.quantity += quantity
            continue
        free = ZERO
        if is_any_free and (price.free_events is None or number < price.free_events):
            left = quantity if price.free_amount is None else price.free_amount - paid.free
            free = min(quantity, left)
            paid.free += free
            if free == quantity:
                continue
            is_any_free = False  # the amount is used up
        paid.quantity += quantity - free
        paid.events += 1
        cost = (quantity - free) * price.rate + price.fee
        if price.at_least is not None and cost < price.at_least:
            paid.raised += price.at_least - cost
        elif price.at_most is not None and cost > price.at_most:
            paid.lowered += price.at_most - cost
    return paid


def _adjustments(amount: Decimal, terms: Terms) -> Iterator[Step]:
    if terms.discount:
        less = -amount * terms.discount
        yield Step(ZERO, None, amount, -terms.discount, less, "discount")
        amount += less
    if terms.minimum is not None and amount < terms.minimum:
        more = terms.minimum - amount
        yield Step(ZERO, None, ONE, more, more, "minimum")
    elif terms.maximum is not None and amount > terms.maximum:
        less = terms.maximum - amount
        yield Step(ZERO, None, ONE, less, less, "maximum")
