"""Tiers: how the price of a unit depends on how many there are. Pure.

A tier starts where the one before it ends, so no quantity falls between two, whatever its decimals.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

import msgspec
from django.utils.translation import gettext, gettext_lazy

from billing.exact import ZERO, exactly

ONE = Decimal(1)

BELOW_ZERO = {
    "allowance": gettext_lazy("The allowance must not be below zero."),
    "amount": gettext_lazy("The amount must not be below zero."),
    "at_least": gettext_lazy("The at least must not be below zero."),
    "at_most": gettext_lazy("The at most must not be below zero."),
    "cap": gettext_lazy("The cap must not be below zero."),
    "fee": gettext_lazy("The fee must not be below zero."),
    "flat_fee": gettext_lazy("The flat fee must not be below zero."),
    "free_amount": gettext_lazy("The free amount must not be below zero."),
    "free_events": gettext_lazy("The free events must not be below zero."),
    "free_units": gettext_lazy("The free units must not be below zero."),
    "maximum": gettext_lazy("The maximum must not be below zero."),
    "minimum": gettext_lazy("The minimum must not be below zero."),
    "rate": gettext_lazy("The rate must not be below zero."),
    "unit_price": gettext_lazy("The unit price must not be below zero."),
}


class InvalidPrice(Exception):
    """The charge does not price every quantity exactly once. The message says why."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """A row of a charge's working: what a part of the usage costs, unrounded.

    The part is that of the units above ``start``, up to and including ``up_to``. ``kind`` is what
    the amount is for: units, flat fee, allowance, package, fee, cap, discount, minimum or maximum.
    Of one that is "shared", ``start`` of ``up_to`` units are the others'.
    """

    start: Decimal
    up_to: Decimal | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    kind: str = "units"


@dataclass(frozen=True, slots=True)
class Tier:
    """The units up to and including ``up_to`` cost ``unit_price`` each; None is without end.

    ``flat_fee`` is due once the tier is reached; ``cap`` is the most that its units can cost.
    """

    up_to: Decimal | None
    unit_price: Decimal
    flat_fee: Decimal = ZERO
    cap: Decimal | None = None

    def __post_init__(self) -> None:
        refuse_below_zero(unit_price=self.unit_price, flat_fee=self.flat_fee, cap=self.cap)

    def steps(self, *, start: Decimal, quantity: Decimal, is_due: bool = True) -> tuple[Step, ...]:
        """Work out what so many units above ``start`` cost; ``is_due`` says whether the fee is."""
        amount = quantity * self.unit_price
        steps: tuple[Step, ...] = (Step(start, self.up_to, quantity, self.unit_price, amount),)
        if self.cap is not None and amount > self.cap:
            less = self.cap - amount
            steps += (Step(start, self.up_to, ONE, less, less, "cap"),)
        if is_due and self.flat_fee:
            steps += (Step(start, self.up_to, ONE, self.flat_fee, self.flat_fee, "flat fee"),)
        return steps


@dataclass(frozen=True)
class Tiers:
    """Tiers that ascend from zero, the last without end. Raises InvalidPrice.

    What whole tiers cost is worked out once, for most periods fill the same ones.
    """

    each: tuple[Tier, ...]

    def __post_init__(self) -> None:
        if not self.each or self.each[-1].up_to is not None:
            raise InvalidPrice(gettext("The last tier must be without end."))
        for lower, upper in pairwise([ZERO, *(tier.up_to for tier in self.each[:-1])]):
            if lower is None or upper is None:
                raise InvalidPrice(gettext("Only the last tier may be without end."))
            if upper <= lower:
                raise InvalidPrice(
                    gettext("Each tier must end above the one before it, the first above zero.")
                )

    def prorated(self, shared: Callable[[Decimal], Decimal]) -> "Tiers":
        """Return them with a share of each fee and cap; they end where they did."""
        return Tiers(
            tuple(
                replace(
                    tier,
                    flat_fee=shared(tier.flat_fee),
                    cap=None if tier.cap is None else shared(tier.cap),
                )
                for tier in self.each
            )
        )

    @cached_property
    def ends(self) -> list[Decimal]:
        return [tier.up_to for tier in self.each if tier.up_to is not None]

    @cached_property
    def starts(self) -> list[Decimal]:
        return [ZERO, *self.ends]

    def reached(self, quantity: Decimal) -> int:
        """Return which tier the last unit lies in; an end belongs to the tier that it ends."""
        return bisect_left(self.ends, quantity)

    @cached_property
    def filled(self) -> list[tuple[Step, ...]]:
        """Return, for each tier, the steps of those below it, which are filled then."""
        rows: list[tuple[Step, ...]] = [()]
        with exactly():
            for start, tier in zip(self.starts, self.each[:-1], strict=False):
                quantity = (tier.up_to or ZERO) - start
                rows.append((*rows[-1], *tier.steps(start=start, quantity=quantity)))
        return rows


def refuse_below_zero(**amounts: Decimal | None) -> None:
    """Raise InvalidPrice for the first of the amounts that is below zero, and name it."""
    for name, amount in amounts.items():
        if amount is not None and amount < 0:
            raise InvalidPrice(str(BELOW_ZERO[name]))
