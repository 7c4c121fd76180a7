"""What was agreed with an organisation, in words."""

from typing import Any

from django.utils.translation import gettext, pgettext

from billing.accounts.models import Credit, Discount, PoolMember, Standstill
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
        (
            gettext("Plans"),
            [
                gettext("{what} from {start}").format(what=one.plan_version, start=one.starts_on)
                for one in plans
            ],
        ),
        (
            gettext("Prices of its own"),
            [f"{_days(one.service, one)}: {words_of(one.terms)}{_why(one)}" for one in own],
        ),
        (
            gettext("Discounts"),
            [f"{one}: {_days(_off(one), one)}{_why(one)}" for one in discounted],
        ),
        (gettext("Credit"), _credits(organisation)),
        (
            gettext("Volume account"),
            [
                *(f"{_with(one)}{_why(one)}" for one in pools),
                *(f"{_for(one)}{_why(one)}" for one in members),
            ],
        ),
        (
            gettext("Pauses and closing"),
            [f"{_days(_standing(one), one)}{_why(one)}" for one in still],
        ),
    ]


def _credits(organisation: Organisation) -> list[str]:
    left = {one.id: one.left for one, _ in read(credits_left([organisation.pk]))[organisation.pk]}
    said = gettext("{kind} credit: {amount}, of which {left} are left")
    return [
        said.format(
            kind=pgettext("credit", one.kind),
            amount=_money(one),
            left=plain(left.get(one.pk, ZERO)),
        )
        + _why(one)
        for one in organisation.credits.all()
    ]


def _off(discount: Discount) -> str:
    """Say what a discount takes off, of what, and how often."""
    off = _money(discount)
    if discount.rate is not None:
        with exactly():
            off = f"{plain(discount.rate * 100)} %"
    said = _how_often(discount).format(
        off=off,
        what=discount.service or pgettext("lines of an invoice", "all"),
        count=discount.periods,
    )
    if discount.coupon is None:
        return said
    return gettext("{off}, by the coupon {coupon}").format(off=said, coupon=discount.coupon)


def _how_often(discount: Discount) -> str:
    if not discount.periods:
        return gettext("{off} off {what}")
    if discount.periods == 1:
        return gettext("{off} off {what} of one invoice")
    return gettext("{off} off {what} of {count} invoices")


def _money(row: Discount | Credit) -> str:
    return f"{plain(row.amount or ZERO)} {row.currency}"


def _with(member: PoolMember) -> str:
    return _days(gettext("with {parent}").format(parent=member.parent), member)


def _for(member: PoolMember) -> str:
    return _days(gettext("for {organisation}").format(organisation=member.organisation), member)


def _standing(still: Standstill) -> str:
    if still.kind == Standstill.Kind.PAUSED:
        return pgettext("an account", "paused")
    return pgettext("an account", "closed")


def _days(what: object, row: Any) -> str:
    said = gettext("{what} from {start}")
    if row.ends_on:
        said = gettext("{what} from {start} up to, not including, {end}")
    return said.format(what=what, start=row.starts_on, end=row.ends_on)


def _why(row: Any) -> str:
    return f" ({row.reason})"
