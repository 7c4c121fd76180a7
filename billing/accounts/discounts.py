"""Give discounts: by an operator, or by the code of a coupon, within its limits."""

from datetime import UTC, date
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils.translation import gettext

from billing.accounts import events as said
from billing.accounts.account import BillingAccount, Refused
from billing.accounts.commands import Agreement, changing, tell
from billing.accounts.coupons import Coupon, Off
from billing.accounts.models import Discount
from billing.pricing.currencies import round_amount

OFF = [field.name for field in Off._meta.fields]


def grant(agreed: Agreement, *, starts_on: date, **off: Any) -> Discount:
    """Grant a discount; ``off`` is what :class:`Off` has: text, rate or amount, service, periods.

    It lowers invoices of periods that start on that day or later. Raises Refused.
    """
    with changing(agreed.organisation, since=starts_on):
        return _grant(agreed, starts_on, off)


def redeem(agreed: Agreement, *, code: str, starts_on: date) -> Discount:
    """Take the discount of a coupon. Raises Refused where its limits do not let the organisation.

    The coupon's row is counted up only where that stays within its limit, so of many who come at
    once just as many get it as may.
    """
    with changing(agreed.organisation, since=starts_on):
        coupon = Coupon.objects.filter(code=code.strip().upper()).first()
        if coupon is None:
            raise Refused(gettext("There is no coupon {code}.").format(code=repr(code)))
        if coupon.valid_until and agreed.now.astimezone(UTC).date() > coupon.valid_until:
            why = gettext("The coupon {coupon} was valid until {day}.")
            raise Refused(why.format(coupon=coupon, day=coupon.valid_until))
        off = {name: getattr(coupon, name) for name in OFF}
        discount = _grant(agreed, starts_on, off, coupon)
        free = Q(most_redemptions=None) | Q(redeemed__lt=F("most_redemptions"))
        if not Coupon.objects.filter(free, pk=coupon.pk).update(redeemed=F("redeemed") + 1):
            why = gettext("The coupon {coupon} has been used as often as it may.")
            raise Refused(why.format(coupon=coupon))
        return discount


def end(agreed: Agreement, *, discount: Discount, ends_on: date) -> None:
    """Let a discount lower no invoice of a period that starts on ``ends_on`` or later."""
    with changing(agreed.organisation, since=ends_on):
        decide = partial(
            BillingAccount.end_discount,
            discount=discount.pk,
            ends_on=ends_on,
            reason=agreed.reason,
            now=agreed.now,
        )
        tell(agreed.organisation, decide, agreed.actor)
        Discount.objects.filter(pk=discount.pk).update(ends_on=max(ends_on, discount.starts_on))


def _grant(
    agreed: Agreement, starts_on: date, off: dict[str, Any], coupon: Coupon | None = None
) -> Discount:
    discount = Discount(
        id=uuid4(),
        organisation=agreed.organisation,
        starts_on=starts_on,
        coupon=coupon,
        reason=agreed.reason,
        granted_at=agreed.now,
        **off,
    )
    _check(discount)
    event = said.DiscountGranted(
        discount=discount.pk,
        rate=discount.rate,
        amount=discount.amount,
        service=discount.service_id,
        starts_on=starts_on,
        periods=discount.periods,
        coupon=coupon.code if coupon else "",
        reason=agreed.reason,
    )
    decide = partial(BillingAccount.grant_discount, event=event, now=agreed.now)
    tell(agreed.organisation, decide, agreed.actor)
    discount.save(force_insert=True)
    return discount


def _check(discount: Discount) -> None:
    amount = discount.amount
    try:
        discount.clean_fields(exclude=["organisation", "service", "coupon", "reason"])
        discount.validate_constraints(exclude=["coupon"])
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    if amount is not None and amount != round_amount(amount, discount.currency):
        why = gettext("{amount} {currency} has parts of a minor unit.")
        raise Refused(why.format(amount=amount, currency=discount.currency))
