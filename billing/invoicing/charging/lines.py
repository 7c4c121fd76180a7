"""The lines that a bill is made of, and what each of them comes from. Pure data."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from billing.periods import Days
from billing.pricing.tax_classes import STANDARD_CLASS
from billing.pricing.tiers import ONE, Step


class Kind(StrEnum):
    """What a line is for. Their order is the order in which a bill is made."""

    USAGE = "usage"
    BASE_FEE = "base_fee"
    COMMITMENT = "commitment"
    DISCOUNT = "discount"
    CORRECTION = "correction"
    CREDIT = "credit"


class Share(NamedTuple):
    """What a discount or a credit takes off one line: the working of the lines of these kinds.

    ``line`` is that line's position, from 1. Of a percentage, ``quantity`` is what it is taken
    from, and ``unit_price`` the rate, below zero.
    """

    line: int
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal  # below zero, rounded


@dataclass(slots=True)  # a frozen one takes four times as long to make, and they are many
class Line:
    """What one charge, fee, discount or credit comes to. It does not change.

    ``service_name`` is the line's text: the service's name, or else what the line is for. A line
    of usage has its quantity in the service's ``unit``. ``source_id`` names the discount or the
    credit that it comes from.
    """

    service_id: int | None
    service_name: str
    quantity: Decimal
    unit: str
    amount: Decimal  # rounded to the currency's minor unit
    working: tuple[Step | Share, ...]  # of a charge, unrounded
    kind: Kind = Kind.USAGE
    source_id: UUID | None = None
    value: str = ""  # of the dimension, where the charge is for one
    covers: Days | None = None  # of a base fee: the period that it is for
    tax_class: str = STANDARD_CLASS


@dataclass(slots=True)
class RatedLine(Line):
    """What the usage of a service comes to."""

    service_id: int
    working: tuple[Step, ...]


def fee(kind: Kind, text: str, amount: Decimal, working: tuple[Step, ...] = ()) -> Line:
    """Make a line that no service is used for."""
    return Line(None, text, ONE, "", amount, working, kind)
