"""The ways to price a service's usage of a period. Pure data: rating.py works them out.

Quantities are in the service's unit, or in what a :class:`Conversion` makes of it; amounts are in
the plan's currency. Rates are shares: 0.013 are 1.3 %. What would not price every quantity exactly
once cannot be made: all of these raise InvalidPrice.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import Enum

from django.utils.translation import gettext

from billing.exact import QUANTITY_STEP, ROUNDING, ZERO
from billing.pricing.tiers import ONE, InvalidPrice, Tiers, refuse_below_zero


class Rounding(Enum):
    """What becomes of a part of a unit; the value is the decimal module's name for it."""

    UP = ROUND_CEILING
    DOWN = ROUND_FLOOR
    HALF_UP = ROUND_HALF_UP


@dataclass(frozen=True, slots=True)
class Flat:
    """The same amount in every period, used or not."""

    amount: Decimal

    def __post_init__(self) -> None:
        refuse_below_zero(amount=self.amount)


@dataclass(frozen=True, slots=True)
class PerUnit:
    """Every unit costs the same."""

    unit_price: Decimal

    def __post_init__(self) -> None:
        refuse_below_zero(unit_price=self.unit_price)


@dataclass(frozen=True, slots=True)
class Package:
    """Units are sold by the package of ``size``, after ``free_units`` that cost nothing.

    A package that is begun counts whole, or, rounded down, not at all.
    """

    amount: Decimal
    size: Decimal
    free_units: Decimal = ZERO
    rounding: Rounding = Rounding.UP

    def __post_init__(self) -> None:
        refuse_below_zero(amount=self.amount, free_units=self.free_units)
        if self.size <= 0:
            raise InvalidPrice(gettext("A package must hold more than nothing."))
        if self.rounding is Rounding.HALF_UP:
            raise InvalidPrice(gettext("Packages are rounded up or down."))


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each unit costs what its own tier says; where the unit price is a rate, each amount.

    The first tier's flat fee is due without any usage, unless ``flat_fee_on_zero`` is False.
    """

    tiers: Tiers
    flat_fee_on_zero: bool = True


@dataclass(frozen=True, slots=True)
class Volume:
    """All units cost what the tier of the whole quantity says."""

    tiers: Tiers
    flat_fee_on_zero: bool = True


@dataclass(frozen=True, slots=True)
class Percentage:
    """A share of an amount that is processed, such as payments, and a fee for each event.

    Free are the first events, up to ``free_events`` of them and up to ``free_amount`` in all,
    whichever is used up first; None is no such limit, and nothing is free where both are None.
    ``at_least`` and ``at_most`` bound what an event costs, its fee included. What lies in the free
    amount is taken off the event in which it ends, and an event that is free has no fee. An event
    below zero, such as a refund, gives back its share and no more.
    """

    rate: Decimal
    fee: Decimal = ZERO
    free_events: int | None = None
    free_amount: Decimal | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    def __post_init__(self) -> None:
        least, most = self.at_least, self.at_most
        refuse_below_zero(rate=self.rate, fee=self.fee, at_least=least, at_most=most)
        free_events = None if self.free_events is None else Decimal(self.free_events)
        refuse_below_zero(free_events=free_events, free_amount=self.free_amount)
        if least is not None and most is not None and least > most:
            raise InvalidPrice(
                gettext("What an event costs at least is above what it costs at most.")
            )


Price = Flat | PerUnit | Package | Graduated | Volume | Percentage


@dataclass(frozen=True, slots=True)
class Conversion:
    """Other units than the service's are priced: ``divide_by`` of its units are one of these.

    Rounded once per period, to ``places`` decimal places, which may be below zero.
    """

    divide_by: Decimal = ONE
    rounding: Rounding = Rounding.HALF_UP
    places: int = 0

    def __post_init__(self) -> None:
        if self.divide_by <= 0:
            raise InvalidPrice(gettext("Units must be divided by a number above zero."))


@dataclass(frozen=True, slots=True)
class Terms:
    """All that a charge says of a period: what is free, the price, and what bounds it.

    ``allowance`` is a number of priced units that cost nothing. ``minimum`` and ``maximum`` bound
    the charge's amount, after a ``discount``, which is a share of it.
    """

    price: Price
    conversion: Conversion | None = None
    allowance: Decimal = ZERO
    discount: Decimal = ZERO
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __post_init__(self) -> None:
        refuse_below_zero(allowance=self.allowance, minimum=self.minimum, maximum=self.maximum)
        if self.allowance and isinstance(self.price, Flat | Percentage):
            raise InvalidPrice(gettext("Only units, packages and tiers have an allowance."))
        if self.conversion is not None and isinstance(self.price, Percentage):
            raise InvalidPrice(
                gettext("A percentage of single events is of their amounts as they are.")
            )
        if not 0 <= self.discount <= 1:
            raise InvalidPrice(gettext("A discount is a share between 0 and 1."))
        minimum, maximum = self.minimum, self.maximum
        if minimum is not None and maximum is not None and minimum > maximum:
            raise InvalidPrice(gettext("The minimum must not be above the maximum."))

    def prorated(self, days: int, *, of: int) -> "Terms":
        """Return them for so many of a period's days: flat amounts, also those of tiers, the free
        amount, caps and bounds are shared by days. What is for units, packages and events, and
        where tiers end, stays as it is.
        """

        def shared(amount: Decimal) -> Decimal:
            its = ROUNDING.divide(ROUNDING.multiply(amount, days), of)
            return its.quantize(QUANTITY_STEP, context=ROUNDING)

        price, least, most = self.price, self.minimum, self.maximum
        if isinstance(price, Flat):
            price = Flat(shared(price.amount))
        elif isinstance(price, Graduated | Volume):
            price = replace(price, tiers=price.tiers.prorated(shared))
        elif isinstance(price, Percentage) and price.free_amount is not None:
            price = replace(price, free_amount=shared(price.free_amount))
        return replace(
            self,
            price=price,
            allowance=shared(self.allowance),
            minimum=None if least is None else shared(least),
            maximum=None if most is None else shared(most),
        )
