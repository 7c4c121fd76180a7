"""What was agreed with organisations, as rows: projections of their billing accounts' events."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext

from billing.accounts.coupons import Coupon, Off, off_is_one_thing
from billing.metering.models import Service
from catacloud.accounts.models import Organisation

__all__ = [
    "Account",
    "Coupon",
    "Credit",
    "Discount",
    "PoolMember",
    "PrepaidUse",
    "PriceOverride",
    "Standstill",
]


def ends_after_start(name: str) -> models.CheckConstraint:
    """An end is not before the start; on the start itself, the row was taken back whole."""
    return models.CheckConstraint(
        condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
        name=name,
        violation_error_message="The end must not be before the start.",
    )


class Account(Organisation):
    """An organisation as a customer, for the pages of its billing account."""

    class Meta:
        proxy = True
        verbose_name = "billing account"


class PriceOverride(models.Model):
    """A price of the organisation's own for a service, in place of its plan's: see own_prices.py.

    It prices a period whole that has its last day between ``starts_on`` and ``ends_on`` (excluded).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="price_overrides"
    )
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    terms = models.JSONField()
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    reason = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-starts_on"]
        constraints = [ends_after_start("own_price_ends_after_its_start")]

    def __str__(self) -> str:
        text = gettext("{what} from {day}")
        return text.format(what=self.service, day=self.starts_on)


class Discount(Off):
    """A share or an amount off one service, or off all lines, of periods from a day on.

    ``periods`` is how many invoices it lowers; None is every one. ``currency`` is of an amount.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="discounts"
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, null=True, blank=True)
    reason = models.TextField()
    granted_at = models.DateTimeField()

    class Meta:
        ordering = ["granted_at", "id"]
        constraints = [
            off_is_one_thing("discount_is_a_rate_or_an_amount"),
            ends_after_start("discount_ends_after_its_start"),
            models.UniqueConstraint(
                fields=["organisation", "coupon"], name="one_redemption_per_organisation"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Credit(models.Model):
    """Money to an organisation's credit. What invoices took of it, they say themselves."""

    class Kind(models.TextChoices):
        GRANTED = "granted", "granted: lowers what is taxed"
        PREPAID = "prepaid", "prepaid: lowers what is to be paid, after tax"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="credits")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = models.DecimalField(max_digits=30, decimal_places=4)
    currency = models.CharField(max_length=3)
    reason = models.TextField()
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_is_above_zero"),
            models.CheckConstraint(
                condition=Q(kind__in=["granted", "prepaid"]), name="credit_is_granted_or_prepaid"
            ),
        ]

    def __str__(self) -> str:
        kind = str(self.get_kind_display()).partition(":")[0]
        return gettext("{kind} credit").format(kind=kind)


class PoolMember(models.Model):
    """The organisation's usage is rated with its parent's, at the parent's prices, and shared out.

    Both are in the pool on the last day of a period, or the period is rated by itself.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="pool_memberships"
    )
    parent = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="pool_members")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    reason = models.TextField()

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(organisation=F("parent")), name="nobody_is_its_own_parent"
            ),
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(ends_on=None), name="one_pool_at_a_time"
            ),
            ends_after_start("pool_is_left_after_it_is_joined"),
        ]

    def __str__(self) -> str:
        return gettext("with {organisation}").format(organisation=self.parent)


class Standstill(models.Model):
    """Days on which an organisation's account is paused, or from which on it is closed."""

    class Kind(models.TextChoices):
        PAUSED = "paused"
        CLOSED = "closed"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="standstills"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    reason = models.TextField()

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "kind"],
                condition=Q(ends_on=None),
                name="one_standstill_of_a_kind_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(kind="paused") | Q(kind="closed", ends_on=None),
                name="a_closed_account_stays_closed",
            ),
            ends_after_start("standstill_ends_after_its_start"),
        ]

    def __str__(self) -> str:
        text = gettext("{what} from {day}")
        return text.format(what=self.kind, day=self.starts_on)


class PrepaidUse(models.Model):
    """What an invoice took of a prepaid credit, after tax."""

    credit = models.ForeignKey(Credit, on_delete=models.PROTECT, related_name="uses")
    invoice = models.ForeignKey(
        "billing.Invoice", on_delete=models.PROTECT, related_name="prepaid_uses"
    )
    amount = models.DecimalField(max_digits=30, decimal_places=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["credit", "invoice"], name="an_invoice_takes_of_a_credit_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="prepaid_use_is_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.credit_id}"
