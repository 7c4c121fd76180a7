"""Invoices: made once by closing a period, never changed after."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from billing.exact import ZERO, exactly
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
    """What one organisation owes for one period. Amounts are in ``currency``.

    A negative total is a credit: earlier periods came to so much less since they were invoiced.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT)
    number = models.CharField(max_length=30, unique=True)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The first day that is not in the period.")
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="The organisation's then: the days are its days."
    )
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
    """One rated charge, with the working that its amount comes from; or the correction of one.

    ``working`` is a list of {"kind", "from", "up_to", "quantity", "unit_price", "amount"}, numbers
    as decimal strings: the amounts add up to the line's unrounded amount. The service's name and
    unit are copied: they stay as they were.

    A line that ``corrects`` the period of an earlier invoice says by how much its charge comes to
    another quantity and amount since: what was invoiced so far is in ``before_…``, and the working
    is that of the charge as it stands then.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    service_name = models.CharField(max_length=100)
    quantity = models.DecimalField(max_digits=60, decimal_places=12)
    unit = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=30, decimal_places=4)
    working = models.JSONField()
    corrects = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, related_name="corrections"
    )
    before_quantity = models.DecimalField(max_digits=60, decimal_places=12, null=True)
    before_amount = models.DecimalField(max_digits=30, decimal_places=4, null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "position"], name="one_invoice_line_per_position"
            ),
            models.UniqueConstraint(
                fields=["invoice", "corrects", "service"],
                name="a_charge_is_corrected_once_per_invoice",
            ),
            models.CheckConstraint(
                condition=Q(
                    corrects__isnull=True, before_quantity__isnull=True, before_amount__isnull=True
                )
                | Q(
                    ~Q(amount=0),
                    corrects__isnull=False,
                    before_quantity__isnull=False,
                    before_amount__isnull=False,
                ),
                name="a_correction_is_whole_and_not_zero",
            ),
        ]
        triggers = [
            triggers.final("invoice_line_is_final"),
            triggers.LINES_ARE_COUNTED,
            triggers.CORRECTIONS_STAY_AT_HOME,
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id} line {self.position}"

    @property
    def amount_now(self) -> Decimal:
        """Of a correction: what the corrected charge comes to as of this invoice."""
        with exactly():
            return self.amount + (self.before_amount or ZERO)

    @property
    def quantity_now(self) -> Decimal:
        with exactly():
            return self.quantity + (self.before_quantity or ZERO)
