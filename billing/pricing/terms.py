"""What a charge in the database means, as terms that can be rated."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from django.utils.translation import gettext

from billing.exact import EXACT, ZERO
from billing.pricing.models import Charge
from billing.pricing.prices import (
    Conversion,
    Flat,
    Graduated,
    Package,
    Percentage,
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
    price = _price(charge, tuple(tiers))
    return Terms(
        price,
        conversion=_conversion(charge),
        allowance=ZERO if isinstance(price, Percentage) else charge.allowance,
        minimum=charge.minimum,
        maximum=charge.maximum,
    )


def _price(charge: Charge, tiers: tuple[Tier, ...]) -> Price:
    if charge.model in Charge.WITHOUT_TIERS and tiers:
        raise InvalidPrice(gettext("A flat price and a package have no tiers."))
    if charge.model in Charge.OF_MONEY:
        tiers = tuple(replace(tier, unit_price=_share(tier.unit_price)) for tier in tiers)
    match charge.model:
        case Charge.Model.FLAT:
            return Flat(charge.amount or ZERO)
        case Charge.Model.PACKAGE:
            return Package(charge.amount or ZERO, charge.package_size or ZERO)
        case Charge.Model.VOLUME:
            return Volume(Tiers(tiers), charge.flat_fee_on_zero)
        case Charge.Model.GRADUATED | Charge.Model.GRADUATED_PERCENTAGE:
            return Graduated(Tiers(tiers), charge.flat_fee_on_zero)
    only = _only_price(Tiers(tiers))
    return _percentage(charge, only) if has_event_terms(charge) else PerUnit(only)


def _share(percent: Decimal) -> Decimal:
    return percent.scaleb(-2, EXACT)


def has_event_terms(charge: Charge) -> bool:
    """Say whether single events are needed to price it, and not only what they add up to."""
    terms = charge.event_fee, charge.event_minimum, charge.event_maximum, charge.free_events
    return any(term is not None for term in terms)


def _percentage(charge: Charge, rate: Decimal) -> Percentage:
    return Percentage(
        rate,
        fee=charge.event_fee or ZERO,
        free_events=charge.free_events,
        free_amount=charge.allowance or None,
        at_least=charge.event_minimum,
        at_most=charge.event_maximum,
    )


def _only_price(tiers: Tiers) -> Decimal:
    only = tiers.each[0]
    if len(tiers.each) != 1 or only.flat_fee or only.cap is not None:
        raise InvalidPrice(gettext("A single price has one tier, without end, fee or cap."))
    return only.unit_price


def _conversion(charge: Charge) -> Conversion | None:
    if charge.divide_by is None:
        return None
    return Conversion(charge.divide_by, ROUNDINGS[Charge.Rounding(charge.rounding)])
