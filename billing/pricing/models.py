"""Price plans. A plan has versions; a published version never changes, customers stay on theirs."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from billing.exact import plain
from billing.metering.models import Service
from billing.pricing import triggers
from billing.pricing.rating import UnknownCurrency, minor_unit


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


class Charge(models.Model):
    """The price of one service in one plan version, per unit of the service."""

    class Model(models.TextChoices):
        PER_UNIT = "per_unit", "per unit"
        GRADUATED = "graduated"

    version = models.ForeignKey(PlanVersion, on_delete=models.CASCADE, related_name="charges")
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    model = models.CharField(max_length=10, choices=Model.choices)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "service"], name="one_charge_per_version_service"
            )
        ]
        triggers = [triggers.CHARGE_IS_FROZEN]

    def __str__(self) -> str:
        return f"{self.service}, {self.get_model_display()}"


class Tier(models.Model):
    """A step of a charge: the units up to and including ``up_to`` cost ``unit_price`` each.

    A per-unit charge has one tier, without an end. Tiers start where the one before them ends, so
    no quantity falls between two.
    """

    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="tiers")
    up_to = models.DecimalField(
        max_digits=30, decimal_places=12, null=True, blank=True, help_text="Empty: without end."
    )
    unit_price = models.DecimalField(max_digits=30, decimal_places=12)

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
        ]
        triggers = [triggers.TIER_IS_FROZEN]

    def __str__(self) -> str:
        return f"up to {plain(self.up_to)}" if self.up_to is not None else "above"
