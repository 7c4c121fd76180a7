"""Invoices: made once by closing a period, never changed after."""

from django.db import models
from django.db.models import F, Q

from billing.invoicing import triggers
from billing.metering.models import Service
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation


class Subscription(models.Model):
    """Which plan version an organisation is on from a day on, until its next subscription.

    The billing account's events are the truth; these rows are written with them.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="subscriptions"
    )
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT)
    starts_on = models.DateField()

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "starts_on"], name="one_subscription_per_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} on {self.plan_version_id} from {self.starts_on}"


class Invoice(models.Model):
    """What one organisation owes for one period. Amounts are in ``currency``."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT)
    number = models.CharField(max_length=30, unique=True)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The first day that is not in the period.")
    currency = models.CharField(max_length=3)
    total = models.DecimalField(max_digits=30, decimal_places=4)
    line_count = models.PositiveIntegerField(
        help_text="So that a line cannot be added, or be missing, unseen."
    )
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-starts_on", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "starts_on"], name="one_invoice_per_organisation_period"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on")), name="invoice_period_is_not_empty"
            ),
        ]
        triggers = [triggers.final("invoice_is_final"), triggers.INVOICE_ADDS_UP]

    def __str__(self) -> str:
        return self.number


class InvoiceLine(models.Model):
    """One rated charge, with the working that its amount comes from.

    ``working`` is a list of {"from", "up_to", "quantity", "unit_price", "amount"}, decimal strings:
    the amounts add up to the line's unrounded amount. The service's name and unit are copied: they
    stay as they were.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    service_name = models.CharField(max_length=100)
    quantity = models.DecimalField(max_digits=60, decimal_places=12)
    unit = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=30, decimal_places=4)
    working = models.JSONField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "position"], name="one_invoice_line_per_position"
            )
        ]
        triggers = [triggers.final("invoice_line_is_final"), triggers.LINES_ARE_COUNTED]

    def __str__(self) -> str:
        return f"{self.invoice_id} line {self.position}"
