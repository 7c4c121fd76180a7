"""What was agreed with an organisation, in words."""

from typing import Any

from billing.accounts.models import Credit, Discount, PoolMember
from billing.accounts.own_prices import words_of
from billing.exact import ZERO, exactly, plain
from billing.invoicing.charging.besides import credits_left
from billing.together import read
from catacloud.accounts.models import Organisation


def agreements_of(organisation: Organisation) -> list[tuple[str, list[str]]]:
    """Return what was agreed with an organisation, in words and with its reason, under headings."""
    plans = organisation.subscriptions.select_related("plan_version__plan")
    own = organisation.price_overrides.select_related("service")
    discounted = organisation.discounts.select_related("service", "coupon")
    pools = PoolMember.objects.filter(organisation=organisation).select_related("parent")
    members = PoolMember.objects.filter(parent=organisation).select_related("organisation")
    still = organisation.standstills.all()
    return [
        ("Plans", [f"{one.plan_version} from {one.starts_on}" for one in plans]),
        (
            "Prices of its own",
            [f"{one}{_until(one)}: {words_of(one.terms)}{_why(one)}" for one in own],
        ),
        (
            "Discounts",
            [
                f"{one}: {_off(one)} from {one.starts_on}{_until(one)}{_why(one)}"
                for one in discounted
            ],
        ),
        ("Credit", _credits(organisation)),
        (
            "Volume account",
            [
                *(f"{one} from {one.starts_on}{_until(one)}{_why(one)}" for one in pools),
                *(
                    f"for {one.organisation} from {one.starts_on}{_until(one)}{_why(one)}"
                    for one in members
                ),
            ],
        ),
        ("Pauses and closing", [f"{one}{_until(one)}{_why(one)}" for one in still]),
    ]


def _credits(organisation: Organisation) -> list[str]:
    left = {one.id: one.left for one, _ in read(credits_left([organisation.pk]))[organisation.pk]}
    return [
        f"{one}: {_money(one)}, of which {plain(left.get(one.pk, ZERO))} are left{_why(one)}"
        for one in organisation.credits.all()
    ]


def _off(discount: Discount) -> str:
    """Say what a discount takes off, of what, and how often."""
    off = _money(discount)
    if discount.rate is not None:
        with exactly():
            off = f"{plain(discount.rate * 100)} %"
    what = discount.service or "all"
    often = f" of {discount.periods} invoices" if discount.periods else ""
    often = " of one invoice" if discount.periods == 1 else often
    by = f", by the coupon {discount.coupon}" if discount.coupon else ""
    return f"{off} off {what}{often}{by}"


def _money(row: Discount | Credit) -> str:
    return f"{plain(row.amount or ZERO)} {row.currency}"


def _until(row: Any) -> str:
    return f" up to, not including, {row.ends_on}" if row.ends_on else ""


def _why(row: Any) -> str:
    return f" ({row.reason})"
