"""Price plans. A plan has versions; a published version never changes, customers stay on theirs."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from billing.exact import plain
from billing.metering.models import Service
from billing.pricing import triggers
from billing.pricing.currencies import UnknownCurrency, minor_unit


def validate_currency(code: str) -> None:
    try:
        minor_unit(code)
    except UnknownCurrency as error:
        raise ValidationError(str(error)) from error


class Plan(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(
        max_length=3,
        default="EUR",
        validators=[validate_currency],
        help_text="ISO 4217, such as EUR.",
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
        ]
        triggers = [triggers.VERSION_IS_FROZEN]

    def __str__(self) -> str:
        return f"{self.plan} {self.number}"


def _price(help_text: str) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(
        max_digits=30, decimal_places=12, null=True, blank=True, help_text=help_text
    )


class Charge(models.Model):
    """The price of one service in one plan version: see prices.py for what each field does."""

    class Model(models.TextChoices):
        FLAT = "flat", "flat"
        PER_UNIT = "per_unit", "per unit"
        PACKAGE = "package", "by the package"
        GRADUATED = "graduated", "graduated: each unit at its own tier"
        VOLUME = "volume", "volume: all units at the tier reached"

    class Rounding(models.TextChoices):
        UP = "up", "up"
        DOWN = "down", "down"
        HALF_UP = "half_up", "half up"

    TIERED = (Model.PER_UNIT, Model.GRADUATED, Model.VOLUME)  # others have no tiers

    version = models.ForeignKey(PlanVersion, on_delete=models.CASCADE, related_name="charges")
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    model = models.CharField(max_length=10, choices=Model.choices)
    amount = _price("Of a flat price, or of one package.")
    package_size = _price("How many units a package holds; one that is begun counts whole.")
    divide_by = _price(
        "To price other units than the service's: 1000 prices thousands. The result is rounded, "
        "once per period."
    )
    rounding = models.CharField(
        max_length=10, choices=Rounding.choices, default=Rounding.UP, help_text="Of the division."
    )
    allowance = models.DecimalField(
        max_digits=30, decimal_places=12, default=0, help_text="Units of a period that are free."
    )
    minimum = _price("The least that the charge comes to in a period.")
    maximum = _price("The most that it comes to.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "service"], name="one_charge_per_version_service"
            ),
            models.CheckConstraint(
                condition=Q(model__in=["flat", "package"], amount__isnull=False, amount__gte=0)
                | (~Q(model__in=["flat", "package"]) & Q(amount=None)),
                name="charge_has_an_amount_or_tiers",
                violation_error_message="A flat price and a package have an amount, others none.",
            ),
            models.CheckConstraint(
                condition=Q(model="package", package_size__isnull=False, package_size__gt=0)
                | (~Q(model="package") & Q(package_size=None)),
                name="charge_package_has_a_size",
                violation_error_message="A package has a size above zero, and nothing else has.",
            ),
            models.CheckConstraint(
                condition=(Q(divide_by=None) | Q(divide_by__gt=0))
                & Q(allowance__gte=0)
                & (Q(minimum=None) | Q(minimum__gte=0))
                & (Q(maximum=None) | Q(maximum__gte=0)),
                name="charge_terms_are_not_negative",
                violation_error_message="No term of a charge is below zero.",
            ),
        ]
        triggers = [triggers.CHARGE_IS_FROZEN]

    def __str__(self) -> str:
        return f"{self.service}, {self.get_model_display().partition(':')[0]}"


class Tier(models.Model):
    """A step of a charge: the units up to and including ``up_to`` cost ``unit_price`` each.

    A per-unit charge has one tier, without an end. Tiers start where the one before them ends, so
    no quantity falls between two. Once it is reached, a tier costs its flat fee as well.
    """

    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="tiers")
    up_to = models.DecimalField(
        max_digits=30, decimal_places=12, null=True, blank=True, help_text="Empty: without end."
    )
    unit_price = models.DecimalField(max_digits=30, decimal_places=12)
    flat_fee = models.DecimalField(
        max_digits=30, decimal_places=12, default=0, help_text="Once, when the tier is reached."
    )
    cap = _price("The most that the tier's units cost.")

    class Meta:
        ordering = [models.F("up_to").asc(nulls_last=True)]
        constraints = [
            models.UniqueConstraint(
                fields=["charge", "up_to"], nulls_distinct=False, name="one_tier_per_charge_end"
            ),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0),
                name="tier_price_is_not_negative",
                violation_error_message="A unit price must not be below zero.",
            ),
            models.CheckConstraint(
                condition=Q(up_to__gt=0),
                name="tier_end_is_positive",
                violation_error_message="A tier must end above zero.",
            ),
            models.CheckConstraint(
                condition=Q(flat_fee__gte=0) & (Q(cap=None) | Q(cap__gte=0)),
                name="tier_fee_and_cap_are_not_negative",
                violation_error_message="A flat fee or a cap must not be below zero.",
            ),
        ]
        triggers = [triggers.TIER_IS_FROZEN]

    def __str__(self) -> str:
        return f"up to {plain(self.up_to)}" if self.up_to is not None else "above"
