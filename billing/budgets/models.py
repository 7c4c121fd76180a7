"""What an organisation means to spend in a billing period, and what it was told of that."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catacloud.accounts.models import Organisation


class Threshold(models.TextChoices):
    """What a budget warns of: a share of it in percent, or that the forecast is over it."""

    HALF = "50", _("50 % of it is reached")
    MOST = "80", _("80 % of it is reached")
    FORECAST = "forecast", _("The forecast for the period is over it")
    ALL = "100", _("100 % of it is reached")


class Budget(models.Model):
    """The most that an organisation means to pay for a billing period, before tax that is added.

    Its events are the truth; this row is written with them. ``stops``: once all of it is reached,
    new uploads and usage are refused until the period ends.
    """

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, primary_key=True, related_name="budget"
    )
    amount = models.DecimalField(max_digits=30, decimal_places=4)
    currency = models.CharField(max_length=3)
    thresholds = ArrayField(models.CharField(max_length=8, choices=Threshold.choices), blank=True)
    stops = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="a_budget_is_above_zero"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="a_budget_is_in_a_currency"
            ),
            models.CheckConstraint(
                condition=Q(thresholds__contained_by=["50", "80", "forecast", "100"]),
                name="a_threshold_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class BudgetAlert(models.Model):
    """A threshold of a budget was reached in a period: told once, also when tasks run twice.

    ``total`` is what the bill to come stood at then. A budget that was changed warns anew.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="budget_alerts"
    )
    starts_on = models.DateField(help_text="Of the billing period.")
    threshold = models.CharField(max_length=8, choices=Threshold.choices)
    amount = models.DecimalField(max_digits=30, decimal_places=4, help_text="Of the budget.")
    currency = models.CharField(max_length=3)
    total = models.DecimalField(max_digits=30, decimal_places=4)
    reached_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "starts_on", "currency", "amount", "threshold"],
                name="a_threshold_is_told_once_a_period",
            ),
            models.CheckConstraint(
                condition=Q(threshold__in=["50", "80", "forecast", "100"]),
                name="an_alert_is_of_a_known_threshold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.threshold} of {self.amount} {self.currency}"
