"""Say a charge in words, as an operator would read it out."""

from collections.abc import Iterator, Sequence

from billing.exact import plain
from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.tax_classes import STANDARD_CLASS


def in_words(charge: Charge, tiers: Sequence[Tier] | None = None) -> str:
    """Say the prices and terms, such as: 0.1 up to 100, 0.05 above; the first 10 are free.

    Of a charge that is not stored, the tiers are given.
    """
    if tiers is None:
        tiers = list(charge.tiers.all())
    return "; ".join([_prices(charge, tiers), *_terms(charge, tiers), *_taxed(charge.tax_class)])


def _taxed(tax_class: str) -> list[str]:
    return [] if tax_class == STANDARD_CLASS else [f"tax class {tax_class}"]


def _prices(charge: Charge, tiers: Sequence[Tier]) -> str:
    if charge.amount is not None and charge.package_size is not None:
        return f"{plain(charge.amount)} for each {plain(charge.package_size)}"
    if charge.amount is not None:
        return f"{plain(charge.amount)} in each period"
    unit = " %" if charge.model in Charge.OF_MONEY else ""
    each = [f"{_costs(tier, unit)} {tier}" for tier in tiers]
    prices = ", ".join(each) if len(each) != 1 else each[0].removesuffix(" above")
    return f"{prices}{_for_each_event(charge)}"


def _costs(tier: Tier, unit: str) -> str:
    fee = f"{plain(tier.flat_fee)} and " if tier.flat_fee else ""
    cap = "" if tier.cap is None else f" (at most {plain(tier.cap)})"
    return f"{fee}{plain(tier.unit_price)}{unit}{cap}"


def _for_each_event(charge: Charge) -> str:
    fee = f" and {plain(charge.event_fee)} for each event" if charge.event_fee else ""
    least, most = charge.event_minimum, charge.event_maximum
    at_least = f", at least {plain(least)} for each" if least is not None else ""
    at_most = f", at most {plain(most)} for each" if most is not None else ""
    return f"{fee}{at_least}{at_most}"


def _terms(charge: Charge, tiers: Sequence[Tier]) -> Iterator[str]:
    has_fee = any(tier.flat_fee for tier in tiers)
    if has_fee and not charge.flat_fee_on_zero:
        yield "no fee without usage"
    if charge.divide_by is not None:
        rounding = charge.get_rounding_display()
        yield f"by the {plain(charge.divide_by)}, rounded {rounding}"
    if charge.free_events is not None:
        yield f"the first {charge.free_events} events are free"
    if charge.allowance:
        yield f"the first {plain(charge.allowance)} are free"
    if charge.minimum is not None:
        yield f"at least {plain(charge.minimum)}"
    if charge.maximum is not None:
        yield f"at most {plain(charge.maximum)}"


def version_in_words(version: PlanVersion) -> dict[str, str]:
    """Say a version's terms by their names, and each price by what it is for."""
    said = {
        "In effect": f"from {version.effective_on}" if version.effective_on else "at once",
        "Currency": version.currency,
        "Billing period": f"{version.get_billing_period_display().lower()}, by the "
        f"{version.get_anchor_display().partition(':')[0]}",
        "Base fee": _base_fee(version),
        "Minimum commitment": _commitment(version),
        "Tax": version.get_tax_behaviour_display().partition(":")[0],
    }
    charges = version.charges.select_related("service").prefetch_related("tiers")
    for charge in charges.order_by("service__name", "service", "value"):
        said[_priced(charge)] = in_words(charge)
    return said


def _base_fee(version: PlanVersion) -> str:
    if not version.base_fee:
        return "none"
    fee = f"{plain(version.base_fee)} {version.get_base_fee_timing_display()}"
    return "; ".join([fee, *_taxed(version.base_fee_tax_class)])


def _commitment(version: PlanVersion) -> str:
    if version.minimum_commitment is None:
        return "none"
    return "; ".join([plain(version.minimum_commitment), *_taxed(version.commitment_tax_class)])


def _priced(charge: Charge) -> str:
    part = f", {charge.dimension} {charge.value}" if charge.value else ""
    return f"{charge.service}{part}, per {charge.service.unit}"
