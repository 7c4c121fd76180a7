"""What a charge in the database means, as terms that can be rated."""

from collections.abc import Iterable
from decimal import Decimal

from billing.exact import ZERO
from billing.pricing.models import Charge
from billing.pricing.prices import (
    Conversion,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    Rounding,
    Terms,
    Volume,
)
from billing.pricing.tiers import InvalidPrice, Tier, Tiers

ROUNDINGS = {
    Charge.Rounding.UP: Rounding.UP,
    Charge.Rounding.DOWN: Rounding.DOWN,
    Charge.Rounding.HALF_UP: Rounding.HALF_UP,
}


def terms_of(charge: Charge, tiers: Iterable[Tier] | None = None) -> Terms:
    """Return a charge's terms, with its tiers or, in their place, these.

    Raises InvalidPrice where they would not price every quantity.
    """
    if tiers is None:
        tiers = (
            Tier(tier.up_to, tier.unit_price, tier.flat_fee, tier.cap)
            for tier in charge.tiers.all()
        )
    return Terms(
        _price(charge, tuple(tiers)),
        conversion=_conversion(charge),
        allowance=charge.allowance,
        minimum=charge.minimum,
        maximum=charge.maximum,
    )


def _price(charge: Charge, tiers: tuple[Tier, ...]) -> Price:
    if charge.model not in Charge.TIERED and tiers:
        raise InvalidPrice("A flat price and a package have no tiers.")
    match charge.model:
        case Charge.Model.FLAT:
            return Flat(charge.amount or ZERO)
        case Charge.Model.PACKAGE:
            return Package(charge.amount or ZERO, charge.package_size or ZERO)
        case Charge.Model.GRADUATED:
            return Graduated(Tiers(tiers))
        case Charge.Model.VOLUME:
            return Volume(Tiers(tiers))
    return PerUnit(_only_price(Tiers(tiers)))


def _only_price(tiers: Tiers) -> Decimal:
    only = tiers.each[0]
    if len(tiers.each) != 1 or only.flat_fee or only.cap is not None:
        raise InvalidPrice("A charge per unit has one tier, without end, fee or cap.")
    return only.unit_price


def _conversion(charge: Charge) -> Conversion | None:
    if charge.divide_by is None:
        return None
    return Conversion(charge.divide_by, ROUNDINGS[Charge.Rounding(charge.rounding)])
