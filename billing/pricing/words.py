"""Say a charge in words, as an operator would read it out."""

from collections.abc import Iterator

from billing.exact import plain
from billing.pricing.models import Charge, Tier


def in_words(charge: Charge) -> str:
    """Say the prices and terms, such as: 0.1 up to 100, 0.05 above; the first 10 are free."""
    return "; ".join([_prices(charge), *_terms(charge)])


def _prices(charge: Charge) -> str:
    if charge.amount is not None and charge.package_size is not None:
        return f"{plain(charge.amount)} for each {plain(charge.package_size)}"
    if charge.amount is not None:
        return f"{plain(charge.amount)} in each period"
    tiers = [f"{_costs(tier)} {tier}" for tier in charge.tiers.all()]
    return ", ".join(tiers) if len(tiers) != 1 else tiers[0].removesuffix(" above")


def _costs(tier: Tier) -> str:
    fee = f"{plain(tier.flat_fee)} and " if tier.flat_fee else ""
    cap = "" if tier.cap is None else f" (at most {plain(tier.cap)})"
    return f"{fee}{plain(tier.unit_price)}{cap}"


def _terms(charge: Charge) -> Iterator[str]:
    if charge.divide_by is not None:
        rounding = charge.get_rounding_display()
        yield f"by the {plain(charge.divide_by)}, rounded {rounding}"
    if charge.allowance:
        yield f"the first {plain(charge.allowance)} are free"
    if charge.minimum is not None:
        yield f"at least {plain(charge.minimum)}"
    if charge.maximum is not None:
        yield f"at most {plain(charge.maximum)}"
