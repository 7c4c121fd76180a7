"""Say a charge in words, as an operator would read it out."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext, gettext_lazy, pgettext

from billing.exact import plain
from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.tax_classes import STANDARD_CLASS

DIVIDED = {
    Charge.Rounding.UP: gettext_lazy("by the {number}, rounded up"),
    Charge.Rounding.DOWN: gettext_lazy("by the {number}, rounded down"),
    Charge.Rounding.HALF_UP: gettext_lazy("by the {number}, rounded half up"),
}
PERIODS = {
    PlanVersion.Anchor.CALENDAR: gettext_lazy("{period}, by the calendar"),
    PlanVersion.Anchor.ANNIVERSARY: gettext_lazy("{period}, by the anniversary"),
}


def in_words(charge: Charge, tiers: Sequence[Tier] | None = None) -> str:
    """Say the prices and terms, such as: 0.1 up to 100, 0.05 above; the first 10 are free.

    Of a charge that is not stored, the tiers are given.
    """
    if tiers is None:
        tiers = list(charge.tiers.all())
    return "; ".join([_prices(charge, tiers), *_terms(charge, tiers), *_taxed(charge.tax_class)])


def _taxed(tax_class: str) -> list[str]:
    if tax_class == STANDARD_CLASS:
        return []
    return [gettext("tax class {tax_class}").format(tax_class=tax_class)]


def _prices(charge: Charge, tiers: Sequence[Tier]) -> str:
    if charge.amount is not None and charge.package_size is not None:
        text = gettext("{amount} for each {size}")
        return text.format(amount=plain(charge.amount), size=plain(charge.package_size))
    if charge.amount is not None:
        return gettext("{amount} in each period").format(amount=plain(charge.amount))
    unit = " %" if charge.model in Charge.OF_MONEY else ""
    is_only = len(tiers) == 1 and tiers[0].up_to is None
    each = [_costs(tier, unit) if is_only else _of_tier(tier, unit) for tier in tiers]
    return _for_each_event(charge, ", ".join(each))


def _of_tier(tier: Tier, unit: str) -> str:
    price = _costs(tier, unit)
    if tier.up_to is None:
        return gettext("{price} above").format(price=price)
    return gettext("{price} up to {end}").format(price=price, end=plain(tier.up_to))


def _costs(tier: Tier, unit: str) -> str:
    price = f"{plain(tier.unit_price)}{unit}"
    if tier.flat_fee:
        price = gettext("{fee} and {price}").format(fee=plain(tier.flat_fee), price=price)
    if tier.cap is not None:
        price = gettext("{price} (at most {cap})").format(price=price, cap=plain(tier.cap))
    return price


def _for_each_event(charge: Charge, prices: str) -> str:
    fee, least, most = charge.event_fee, charge.event_minimum, charge.event_maximum
    if fee:
        prices = gettext("{prices} and {fee} for each event").format(prices=prices, fee=plain(fee))
    if least is not None:
        text = gettext("{prices}, at least {least} for each")
        prices = text.format(prices=prices, least=plain(least))
    if most is not None:
        text = gettext("{prices}, at most {most} for each")
        prices = text.format(prices=prices, most=plain(most))
    return prices


def _terms(charge: Charge, tiers: Sequence[Tier]) -> Iterator[str]:
    has_fee = any(tier.flat_fee for tier in tiers)
    if has_fee and not charge.flat_fee_on_zero:
        yield gettext("no fee without usage")
    if charge.divide_by is not None:
        yield DIVIDED[Charge.Rounding(charge.rounding)].format(number=plain(charge.divide_by))
    if charge.free_events is not None:
        yield gettext("the first {number} events are free").format(number=charge.free_events)
    if charge.allowance:
        yield gettext("the first {number} are free").format(number=plain(charge.allowance))
    if charge.minimum is not None:
        yield gettext("at least {amount}").format(amount=plain(charge.minimum))
    if charge.maximum is not None:
        yield gettext("at most {amount}").format(amount=plain(charge.maximum))


def version_in_words(version: PlanVersion) -> dict[str, str]:
    """Say a version's terms by their names, and each price by what it is for."""
    said = {
        gettext("In effect"): _in_effect(version),
        gettext("Currency"): version.currency,
        gettext("Billing period"): PERIODS[PlanVersion.Anchor(version.anchor)].format(
            period=version.get_billing_period_display().lower()
        ),
        gettext("Base fee"): _base_fee(version),
        gettext("Minimum commitment"): _commitment(version),
        gettext("Tax"): version.get_tax_behaviour_display().partition(":")[0],
    }
    charges = version.charges.select_related("service").prefetch_related("tiers")
    for charge in charges.order_by("service__name", "service", "value"):
        said[priced(charge)] = in_words(charge)
    return said


def _in_effect(version: PlanVersion) -> str:
    if version.effective_on is None:
        return gettext("at once")
    return gettext("from {day}").format(day=version.effective_on)


def _base_fee(version: PlanVersion) -> str:
    if not version.base_fee:
        return pgettext("base fee", "none")
    fee = f"{plain(version.base_fee)} {version.get_base_fee_timing_display()}"
    return "; ".join([fee, *_taxed(version.base_fee_tax_class)])


def _commitment(version: PlanVersion) -> str:
    if version.minimum_commitment is None:
        return pgettext("minimum commitment", "none")
    return "; ".join([plain(version.minimum_commitment), *_taxed(version.commitment_tax_class)])


def priced(charge: Charge) -> str:
    """Name what the charge prices."""
    part = f", {charge.dimension} {charge.value}" if charge.value else ""
    usage = f"{charge.service}{part}"
    return gettext("{usage}, per {unit}").format(usage=usage, unit=charge.service.unit)
