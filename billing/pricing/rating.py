"""Rate a quantity: what it costs, and how that comes about. Pure, and exact until it is rounded.

Amounts are in the plan's currency, quantities in the service's unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from babel.numbers import is_currency

from billing.exact import ROUNDING, ZERO, exactly

# ISO 4217. Babel's digits are those of everyday use, which differ: it gives the dinar of Iraq none
# where the standard has three.
WITHOUT_MINOR_UNIT = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"]
WITHOUT_MINOR_UNIT += ["UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]
EXPONENTS = {
    **dict.fromkeys(WITHOUT_MINOR_UNIT, 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
USUAL_EXPONENT = 2


class InvalidTiers(Exception):
    """The tiers do not price every quantity exactly once. The message says why."""


class UnknownCurrency(Exception):
    """The code stands for no currency."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"{currency!r} is no ISO 4217 currency code.")


@dataclass(frozen=True, slots=True)
class Tier:
    """The units up to and including ``up_to`` cost ``unit_price`` each; None is without end."""

    up_to: Decimal | None
    unit_price: Decimal


class TierUse(NamedTuple):
    """How much of a quantity fell into one tier, and what that costs, unrounded."""

    start: Decimal  # units above this one
    up_to: Decimal | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Rated:
    """An unrounded amount, and the working: the amounts in it add up to exactly that."""

    amount: Decimal
    working: tuple[TierUse, ...]


def rate(*, quantity: Decimal, tiers: Sequence[Tier]) -> Rated:
    """Price each unit at its own tier (graduated); a per-unit price is one tier without end.

    A quantity below zero costs nothing: late corrections can take a sum there for a while, and
    nobody is paid for usage. Raises InvalidTiers.
    """
    check_tiers(tiers)
    with exactly():
        working = tuple(_fill(max(quantity, ZERO), tiers))
        return Rated(sum((use.amount for use in working), ZERO), working)


def _fill(quantity: Decimal, tiers: Sequence[Tier]) -> Iterator[TierUse]:
    start = ZERO
    for tier in tiers:
        end = quantity if tier.up_to is None else min(quantity, tier.up_to)
        used = end - start
        yield TierUse(start, tier.up_to, used, tier.unit_price, used * tier.unit_price)
        if end == quantity:
            return
        start = end


def check_tiers(tiers: Sequence[Tier]) -> None:
    """Raise InvalidTiers unless the tiers ascend from zero and only the last is without end.

    A tier starts where the one before it ends, so there can be no gap to check for.
    """
    if not tiers or tiers[-1].up_to is not None:
        raise InvalidTiers("The last tier must be without end.")
    if any(tier.unit_price < 0 for tier in tiers):
        raise InvalidTiers("A unit price must not be below zero.")
    ends = [ZERO, *(tier.up_to for tier in tiers[:-1])]
    for lower, upper in pairwise(ends):
        if lower is None or upper is None:
            raise InvalidTiers("Only the last tier may be without end.")
        if upper <= lower:
            raise InvalidTiers("Each tier must end above the one before it, the first above zero.")


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """Round half up, away from zero, to the currency's minor unit. Nothing else rounds money.

    Raises UnknownCurrency.
    """
    return amount.quantize(minor_unit(currency), context=ROUNDING)


@cache
def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount of the currency: 0.01 EUR, 1 JPY, 0.001 KWD."""
    if not is_currency(currency):
        raise UnknownCurrency(currency)
    return Decimal(1).scaleb(-EXPONENTS.get(currency, USUAL_EXPONENT))
