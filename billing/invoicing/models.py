"""Invoices: made once by closing a period, never changed after.

There is no row for a draft: until a period is closed, what its invoice will be is worked out anew
each time (drafting.py), so it cannot be out of date.
"""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext

from billing.exact import ZERO, exactly
from billing.invoicing import triggers
from billing.invoicing.charging.lines import Kind
from billing.invoicing.legal import BillingDetails, LegalEntity
from billing.metering.models import Service
from billing.pricing.models import PlanVersion
from billing.pricing.tax_classes import STANDARD_CLASS
from billing.pricing.triggers import VERSION_IS_ON_OFFER
from catacloud.accounts.models import Organisation

KINDS = [(kind.value, kind.value.replace("_", " ")) for kind in Kind]


class Subscription(models.Model):
    """Which plan version an organisation is on from a day on, until its next subscription.

    The billing account's events are the truth; these rows are written with them.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="subscriptions"
    )
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT)
    starts_on = models.DateField()
    is_prorated = models.BooleanField(
        default=False,
        help_text="Whether it divides the period that it starts in: else that is all on the plan "
        "of its last day.",
    )

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "starts_on"], name="one_subscription_per_day"
            )
        ]
        triggers = [VERSION_IS_ON_OFFER]

    def __str__(self) -> str:
        return gettext("{organisation} on {plan} from {day}").format(
            organisation=self.organisation, plan=self.plan_version, day=self.starts_on
        )


class Invoice(models.Model):
    """What one organisation owes for one period. Amounts are in ``currency``.

    ``total`` is the sum of the lines, which do or do not contain the tax; ``gross`` is what is
    owed, with tax. A negative one is a credit: earlier periods came to so much less since they were
    invoiced. ``taxes`` is a list of {"category", "rate", "net", "tax", "reason_code", "reason"},
    numbers as decimal strings. Both parties are as they were.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT)
    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT)
    number = models.CharField(max_length=30, unique=True)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The first day that is not in the period.")
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="The organisation's then: the days are its days."
    )
    currency = models.CharField(max_length=3)
    total = models.DecimalField(max_digits=30, decimal_places=4)
    prices_include_tax = models.BooleanField(default=False)
    taxes = models.JSONField(default=list)
    tax = models.DecimalField(max_digits=30, decimal_places=4, default=0)
    gross = models.DecimalField(max_digits=30, decimal_places=4)
    credit_used = models.DecimalField(
        max_digits=30,
        decimal_places=4,
        default=0,
        help_text="Of what earlier invoices and credit notes had left when it was issued.",
    )
    line_count = models.PositiveIntegerField(
        help_text="So that a line cannot be added, or be missing, unseen."
    )
    issued_at = models.DateTimeField()
    due_on = models.DateField()
    voided_at = models.DateTimeField(
        null=True, help_text="When it was reversed as a whole; the period may be invoiced again."
    )
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    language = models.CharField(max_length=2, choices=BillingDetails.Language.choices, default="en")
    reference = models.CharField(max_length=100, blank=True)
    metered_until = models.BigIntegerField(
        null=True, help_text="The position up to which events had been metered."
    )
    metered_others = models.JSONField(
        default=dict, help_text="That of others in the volume account, by their ids."
    )
    inputs_digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of what it was made of: see inputs.py."
    )

    class Meta:
        ordering = ["-starts_on", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "starts_on"],
                condition=Q(voided_at=None),
                name="one_invoice_per_organisation_period",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on")), name="invoice_period_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(prices_include_tax=True, gross=F("total"))
                | Q(prices_include_tax=False, gross=F("total") + F("tax")),
                name="invoice_gross_is_net_and_tax",
            ),
            models.CheckConstraint(condition=Q(credit_used__gte=0), name="credit_used_is_credit"),
        ]
        triggers = [triggers.INVOICE_IS_FINAL, triggers.INVOICE_ADDS_UP]

    def __str__(self) -> str:
        return self.number

    @property
    def net(self) -> Decimal:
        with exactly():
            return self.gross - self.tax


class InvoiceLine(models.Model):
    """A rated charge, with the working that its amount comes from; or a fee, a discount, a credit.

    ``working`` is a list of {"kind", "from", "up_to", "quantity", "unit_price", "amount"}, numbers
    as decimal strings: the amounts add up to the line's unrounded amount. Of a discount or credit
    it tells what is taken off which "line". The service's name and unit are copied: they stay as
    they were.

    A line that ``corrects`` the period of an earlier invoice says by how much its charge comes to
    another quantity and amount since: what was invoiced so far is in ``before_…``, and the working
    is that of the charge as it stands then. One without a service is of that period's commitment,
    or of the discount that ``source_id`` names: late usage changes them as well.
    """

    # Lines are most of what there is: none of their indexes has rows, or is there, for nothing.
    invoice = models.ForeignKey(
        Invoice, on_delete=models.CASCADE, related_name="lines", db_index=False
    )
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=KINDS, default=Kind.USAGE.value)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True)
    service_name = models.CharField(
        max_length=100, help_text="Or, where it is for no service, what it is for."
    )
    source_id = models.UUIDField(null=True, help_text="The discount's or the credit's.")
    covers_from = models.DateField(
        null=True, help_text="Of a base fee: the first day of the period that it is for."
    )
    value = models.CharField(
        max_length=100, blank=True, help_text="Of the charge's dimension, where it has one."
    )
    quantity = models.DecimalField(max_digits=60, decimal_places=12)
    unit = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=30, decimal_places=4)
    tax_class = models.SlugField(max_length=20, default=STANDARD_CLASS, help_text="The charge's.")
    tax_category = models.CharField(max_length=2, default="O", help_text="See tax.py.")
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    working = models.JSONField()
    corrects = models.ForeignKey(
        Invoice,
        on_delete=models.PROTECT,
        null=True,
        related_name="corrections",
        db_index=False,
    )
    before_quantity = models.DecimalField(max_digits=60, decimal_places=12, null=True)
    before_amount = models.DecimalField(max_digits=30, decimal_places=4, null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            # Also for whoever reads the lines of an invoice.
            models.UniqueConstraint(
                fields=["invoice", "position"], name="one_invoice_line_per_position"
            ),
            models.UniqueConstraint(
                fields=["invoice", "corrects", "service", "value", "tax_class"],
                condition=Q(corrects__isnull=False),
                name="a_charge_is_corrected_once_per_invoice",
            ),
            models.UniqueConstraint(
                fields=["invoice", "corrects", "source_id", "tax_class"],
                condition=Q(kind="correction", service=None),
                nulls_distinct=False,
                name="what_hangs_on_usage_is_corrected_once_per_invoice",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in Kind]), name="line_kind_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(kind="usage") | Q(service__isnull=False),
                name="usage_is_of_a_service",
            ),
            models.CheckConstraint(
                condition=Q(kind="correction", corrects__isnull=False)
                | (~Q(kind="correction") & Q(corrects=None)),
                name="a_correction_names_what_it_corrects",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["discount", "credit"])
                | Q(source_id__isnull=False, amount__lt=0),
                name="discounts_and_credits_take_off",
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
        text = gettext("{document} line {number}")
        return text.format(document=self.invoice, number=self.position)

    @property
    def amount_now(self) -> Decimal:
        """Of a correction: what the corrected charge comes to as of this invoice."""
        with exactly():
            return self.amount + (self.before_amount or ZERO)

    @property
    def quantity_now(self) -> Decimal:
        with exactly():
            return self.quantity + (self.before_quantity or ZERO)
