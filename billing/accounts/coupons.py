"""Coupons: discounts that organisations take by a code, as often as its limits let them."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from billing.metering.models import Service
from billing.pricing.models import validate_currency

ABOVE_ZERO = MinValueValidator(Decimal("0.0001"), "It must be above zero.")


class Off(models.Model):
    """What is taken off an invoice: a share (``rate``), or an ``amount`` in ``currency``."""

    text = models.CharField(max_length=100, help_text="As the invoice names it.")
    rate = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[ABOVE_ZERO, MaxValueValidator(1, "A share is at most 1, which is all.")],
        help_text="A share: 0.25 takes a quarter off.",
    )
    amount = models.DecimalField(
        max_digits=30,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[ABOVE_ZERO],
        help_text="Off each invoice, as far as there is as much.",
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        validators=[validate_currency],
        help_text="Of the amount, such as EUR.",
    )
    service = models.ForeignKey(
        Service,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="Empty: off all lines.",
    )
    periods = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many invoices it lowers: 1 is once. Empty: every one.",
    )

    class Meta:
        abstract = True


def off_is_one_thing(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=(
            Q(rate__isnull=False, rate__gt=0, rate__lte=1, amount=None, currency="")
            | Q(rate=None, amount__isnull=False, amount__gt=0, currency__regex=r"^[A-Z]{3}$")
        )
        & (Q(periods=None) | Q(periods__gt=0)),
        name=name,
        violation_error_message="Give a share between 0 and 1, or else an amount above zero with "
        "its currency.",
    )


class Coupon(Off):
    """A code that gives an organisation a discount once, as long as its limits are not reached."""

    code = models.CharField(
        max_length=40, unique=True, help_text="In capital letters, digits and hyphens."
    )
    most_redemptions = models.PositiveIntegerField(
        null=True, blank=True, help_text="By all organisations together. Empty: no limit."
    )
    valid_until = models.DateField(
        null=True, blank=True, help_text="Its last day, in UTC. Empty: no end."
    )
    redeemed = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["code"]
        constraints = [
            off_is_one_thing("coupon_is_a_rate_or_an_amount"),
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z0-9][A-Z0-9-]*$"),
                name="coupon_code_is_plain",
                violation_error_message="A code has capital letters, digits and hyphens only.",
            ),
            models.CheckConstraint(
                condition=Q(most_redemptions=None) | Q(redeemed__lte=F("most_redemptions")),
                name="coupon_is_not_redeemed_too_often",
                violation_error_message="It was redeemed more often than that already.",
            ),
        ]

    def __str__(self) -> str:
        return self.code
