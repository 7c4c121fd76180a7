"""What was agreed with an organisation, in words."""

from typing import Any

from billing.accounts.models import Credit, Discount, PoolMember
from billing.accounts.own_prices import words_of
from billing.exact import ZERO, exactly, plain
from catacloud.accounts.models import Organisation


def agreements_of(organisation: Organisation) -> list[tuple[str, list[str]]]:
    """Return what was agreed with an organisation, in words, under headings."""
    plans = organisation.subscriptions.select_related("plan_version__plan")
    own = organisation.price_overrides.select_related("service")
    discounted = organisation.discounts.select_related("service")
    pools = PoolMember.objects.filter(organisation=organisation).select_related("parent")
    return [
        ("Plans", [f"{one.plan_version} from {one.starts_on}" for one in plans]),
        ("Prices of its own", [f"{one}{_until(one)}: {words_of(one.terms)}" for one in own]),
        (
            "Discounts",
            [f"{one}: {_off(one)} from {one.starts_on}{_until(one)}" for one in discounted],
        ),
        ("Credit", [f"{one}: {_money(one)}" for one in organisation.credits.all()]),
        ("Volume account", [f"{one} from {one.starts_on}{_until(one)}" for one in pools]),
        ("Pauses and closing", [f"{one}{_until(one)}" for one in organisation.standstills.all()]),
    ]


def _off(discount: Discount) -> str:
    """Say what a discount takes off, of what, and how often."""
    off = _money(discount)
    if discount.rate is not None:
        with exactly():
            off = f"{plain(discount.rate * 100)} %"
    what = discount.service or "all"
    often = f" of {discount.periods} invoices" if discount.periods else ""
    return f"{off} off {what}{often}"


def _money(row: Discount | Credit) -> str:
    return f"{plain(row.amount or ZERO)} {row.currency}"


def _until(row: Any) -> str:
    return f" up to, not including, {row.ends_on}" if row.ends_on else ""
