"""What may come after an invoice: payments, and credit notes. Like invoices, they never change."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext

from billing.exact import plain
from billing.invoicing import triggers
from billing.invoicing.legal import LegalEntity
from billing.invoicing.models import Invoice, InvoiceLine


class Payment(models.Model):
    """Money that came in for an invoice; below zero, money that was paid back."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount = models.DecimalField(max_digits=30, decimal_places=4, help_text="Gross.")
    received_on = models.DateField()
    reference = models.CharField(
        max_length=100, help_text="The bank's or the provider's, once for each invoice."
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False
    )

    class Meta:
        ordering = ["received_on", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="payment_is_not_nothing"),
            models.UniqueConstraint(
                fields=["invoice", "reference"], name="a_payment_is_recorded_once"
            ),
        ]
        triggers = [triggers.final("payment_is_final"), triggers.PAYMENT_IS_OF_A_VALID_INVOICE]

    def __str__(self) -> str:
        money = f"{plain(self.amount)} {self.invoice.currency}"
        return gettext("{money} for {invoice}").format(money=money, invoice=self.invoice)


class IssuedFile(models.Model):
    """The PDF of an invoice or a credit note as it was issued: made once, and served as it is."""

    invoice = models.OneToOneField(
        Invoice, on_delete=models.PROTECT, null=True, related_name="file"
    )
    credit_note = models.OneToOneField(
        "billing.CreditNote", on_delete=models.PROTECT, null=True, related_name="file"
    )
    name = models.CharField(max_length=200, unique=True, help_text="In the document storage.")
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, credit_note=None)
                | Q(invoice=None, credit_note__isnull=False),
                name="a_file_is_of_one_document",
            )
        ]
        triggers = [triggers.final("issued_file_is_final")]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """An e-mail with an issued file: one for each, however often its task runs."""

    file = models.OneToOneField(IssuedFile, on_delete=models.PROTECT, related_name="delivery")
    address = models.EmailField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.file} to {self.address}"


class CreditNote(models.Model):
    """Takes back an invoice or a part of it. Amounts have the signs of the invoice's.

    Its currency, parties and language are the invoice's. ``taxes`` is as an invoice has it.
    """

    class Kind(models.TextChoices):
        CREDIT = "credit", "credit"
        CORRECTION = "correction", "correction of usage"
        VOID = "void", "reversal"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT)
    number = models.CharField(max_length=30, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=200)
    total = models.DecimalField(max_digits=30, decimal_places=4)
    taxes = models.JSONField(default=list)
    tax = models.DecimalField(max_digits=30, decimal_places=4)
    gross = models.DecimalField(max_digits=30, decimal_places=4)
    line_count = models.PositiveIntegerField()
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(kind="void"), name="one_reversal_per_invoice"
            ),
            models.CheckConstraint(
                condition=Q(gross=F("total")) | Q(gross=F("total") + F("tax")),
                name="credit_note_gross_is_net_and_tax",
            ),
        ]
        triggers = [triggers.final("credit_note_is_final"), triggers.CREDIT_NOTE_FITS]

    def __str__(self) -> str:
        return self.number


class CreditNoteLine(models.Model):
    """How much of an invoice's line is taken back."""

    credit_note = models.ForeignKey(CreditNote, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    invoice_line = models.ForeignKey(
        InvoiceLine, on_delete=models.PROTECT, related_name="credit_lines"
    )
    quantity = models.DecimalField(
        max_digits=60,
        decimal_places=12,
        default=0,
        help_text="Of a correction: how much less was used.",
    )
    amount = models.DecimalField(max_digits=30, decimal_places=4)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["credit_note", "invoice_line"], name="one_credit_per_invoice_line"
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="credit_is_not_nothing"),
        ]
        triggers = [triggers.final("credit_note_line_is_final")]

    def __str__(self) -> str:
        text = gettext("{document} line {number}")
        return text.format(document=self.credit_note_id, number=self.position)
