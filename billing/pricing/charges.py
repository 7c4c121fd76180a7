"""The prices of a plan version: a charge for each service, or part of its usage, and its tiers."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, pgettext

from billing.exact import plain
from billing.metering.models import Service
from billing.pricing import triggers
from billing.pricing.tax_classes import STANDARD_CLASS


def _price(help_text: str) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(
        max_digits=30, decimal_places=12, null=True, blank=True, help_text=help_text
    )


class Charge(models.Model):
    """The price of a service in one plan version: see prices.py for what each field does.

    What of the service's usage has ``value`` in ``dimension``, such as a region, has a price of its
    own; the one without a value, which is always there, prices the rest.
    """

    class Model(models.TextChoices):
        FLAT = "flat", "flat"
        PER_UNIT = "per_unit", "per unit"
        PACKAGE = "package", "by the package"
        GRADUATED = "graduated", "graduated: each unit at its own tier"
        VOLUME = "volume", "volume: all units at the tier reached"
        PERCENTAGE = "percentage", "percentage of an amount of money"
        GRADUATED_PERCENTAGE = (
            "graduated_percentage",
            "graduated percentage: each amount at its own tier",
        )

    class Rounding(models.TextChoices):
        UP = "up", "up"
        DOWN = "down", "down"
        HALF_UP = "half_up", "half up"

    WITHOUT_TIERS = (Model.FLAT, Model.PACKAGE)
    OF_MONEY = (Model.PERCENTAGE, Model.GRADUATED_PERCENTAGE)  # tiers have rates, in per cent

    version = models.ForeignKey(
        "billing.PlanVersion", on_delete=models.CASCADE, related_name="charges"
    )
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    dimension = models.SlugField(
        blank=True, help_text="Of the service, such as region. Empty: all usage, or the rest of it."
    )
    value = models.CharField(
        max_length=100, blank=True, help_text="What the dimension says, such as eu-central."
    )
    model = models.CharField(max_length=20, choices=Model.choices)
    tax_class = models.SlugField(
        max_length=20,
        default=STANDARD_CLASS,
        help_text="Which of the seller's VAT rates it bears: standard, reduced, … or exempt.",
    )
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
    flat_fee_on_zero = models.BooleanField(
        "first tier's flat fee without usage",
        default=True,
        help_text="Whether it is due in a period in which nothing was used.",
    )
    event_fee = _price("Of a percentage: for each event, besides its share.")
    event_minimum = _price("Of a percentage: the least that an event costs, its fee included.")
    event_maximum = _price("Of a percentage: the most that an event costs.")
    free_events = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of a percentage: how many events of a period are free."
    )
    minimum = _price("The least that the charge comes to in a period.")
    maximum = _price("The most that it comes to.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "service", "dimension", "value"],
                name="one_charge_per_version_service_value",
            ),
            models.CheckConstraint(
                condition=Q(dimension="", value="") | (~Q(dimension="") & ~Q(value="")),
                name="charge_dimension_has_a_value",
                violation_error_message="A dimension and its value go together: "
                "name both, or none for the rest.",
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
            models.CheckConstraint(
                condition=Q(
                    event_fee=None, event_minimum=None, event_maximum=None, free_events=None
                )
                | Q(model="percentage")
                & (Q(event_fee=None) | Q(event_fee__gte=0))
                & (Q(event_minimum=None) | Q(event_minimum__gte=0))
                & (Q(event_maximum=None) | Q(event_maximum__gte=0)),
                name="charge_event_terms_are_of_a_percentage",
                violation_error_message="Only a percentage has terms of its events, and none of "
                "them is below zero.",
            ),
        ]
        triggers = [triggers.CHARGE_IS_FROZEN]

    def __str__(self) -> str:
        model = self.get_model_display().partition(":")[0]
        return f"{self.service}{f' ({self.value})' if self.value else ''}, {model}"


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
        if self.up_to is None:
            return pgettext("of a tier", "above")
        return gettext("up to {quantity}").format(quantity=plain(self.up_to))
