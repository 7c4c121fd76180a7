"""Price plans. A plan has versions; a published version never changes, customers stay on theirs."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from billing.pricing import triggers
from billing.pricing.charges import Charge, Tier
from billing.pricing.currencies import UnknownCurrency, minor_unit
from billing.pricing.tax_classes import STANDARD_CLASS

__all__ = ["Charge", "Plan", "PlanVersion", "Tier"]


def validate_currency(code: str) -> None:
    try:
        minor_unit(code)
    except UnknownCurrency as error:
        raise ValidationError(str(error)) from error


def _tax_class(help_text: str) -> "models.SlugField[str, str]":
    return models.SlugField(max_length=20, default=STANDARD_CLASS, help_text=help_text)


class Plan(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """What a plan costs, from a day on: its terms here, and its prices in charges.

    A retired one takes no new subscribers; those that it has stay on it.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    class Timing(models.TextChoices):
        IN_ADVANCE = "in_advance", "in advance"
        IN_ARREARS = "in_arrears", "in arrears"

    class BillingPeriod(models.TextChoices):
        MONTHLY = "monthly"
        QUARTERLY = "quarterly"
        YEARLY = "yearly"

    class Anchor(models.TextChoices):
        CALENDAR = "calendar", "calendar: from the first day of a month, a quarter or a year"
        ANNIVERSARY = "anniversary", "anniversary: from the day of the month of the subscription"

    class TaxBehaviour(models.TextChoices):
        EXCLUSIVE = "exclusive", "exclusive: tax is added to the prices"
        INCLUSIVE = "inclusive", "inclusive: the prices contain the tax"
        NONE = "none", "none: nothing is taxed"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(
        max_length=3,
        default="EUR",
        validators=[validate_currency],
        help_text="ISO 4217, such as EUR.",
    )
    effective_on = models.DateField(
        null=True, blank=True, help_text="No subscription starts before. Empty: at once."
    )
    billing_period = models.CharField(
        max_length=10, choices=BillingPeriod.choices, default=BillingPeriod.MONTHLY
    )
    anchor = models.CharField(
        max_length=12,
        choices=Anchor.choices,
        default=Anchor.CALENDAR,
        help_text="When periods start.",
    )
    base_fee = models.DecimalField(
        max_digits=30,
        decimal_places=12,
        default=0,
        help_text="Of each billing period, whatever is used.",
    )
    base_fee_timing = models.CharField(
        max_length=10,
        choices=Timing.choices,
        default=Timing.IN_ADVANCE,
        help_text="In advance: of the period that begins. In arrears: of the one that is over.",
    )
    minimum_commitment = models.DecimalField(
        max_digits=30,
        decimal_places=12,
        null=True,
        blank=True,
        help_text="The least that a billing period comes to before discounts and tax; what is "
        "missing becomes a line of its own.",
    )
    base_fee_tax_class = _tax_class("Of the base fee: which of the seller's VAT rates it bears.")
    commitment_tax_class = _tax_class("Of what a minimum commitment is short of.")
    tax_behaviour = models.CharField(
        max_length=10, choices=TaxBehaviour.choices, default=TaxBehaviour.EXCLUSIVE
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["plan", "number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="one_plan_version_per_number"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="plan_currency_is_iso_4217"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", published_at=None)
                | Q(status__in=["published", "retired"], published_at__isnull=False),
                name="plan_version_is_dated_once_published",
            ),
            models.CheckConstraint(
                condition=Q(base_fee__gte=0)
                & (Q(minimum_commitment=None) | Q(minimum_commitment__gte=0)),
                name="plan_version_amounts_are_not_negative",
                violation_error_message="A base fee or a commitment must not be below zero.",
            ),
            models.CheckConstraint(
                condition=Q(
                    billing_period__in=["monthly", "quarterly", "yearly"],
                    anchor__in=["calendar", "anniversary"],
                    base_fee_timing__in=["in_advance", "in_arrears"],
                    tax_behaviour__in=["exclusive", "inclusive", "none"],
                ),
                name="plan_version_terms_are_known",
            ),
        ]
        triggers = [triggers.VERSION_IS_FROZEN, triggers.PRICES_COVER_ALL]

    def __str__(self) -> str:
        return f"{self.plan} {self.number}"
