from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext
from sequences.models import Sequence

from billing.invoicing import admin_written
from billing.invoicing.legal import BillingDetails, LegalEntity, VatRate
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.proving import verifying
from billing.invoicing.settling.after import CreditNote, CreditNoteLine, Payment
from billing.invoicing.settling.crediting import CannotCredit, credit, shares, void
from billing.metering.services.admin import ReadOnly
from billing.pricing.currencies import round_amount
from billing.pricing.forms import PlainNumbers
from catacloud.accounts.models import User
from catacloud.admin_forms import NamedCells

# The package offers its counters for editing, and these are the invoices' numbers without a gap.
admin.site.unregister(Sequence)


class InvoiceLineInline(ReadOnly, admin.TabularInline[InvoiceLine, Invoice]):
    model = InvoiceLine
    fk_name = "invoice"
    fields = ["position", "text", "quantity_said", "amount_said", "how"]
    readonly_fields = ["text", "quantity_said", "amount_said", "how"]

    @admin.display(description=gettext_lazy("text"))
    def text(self, line: InvoiceLine) -> str:
        return admin_written.text(line)

    @admin.display(description=gettext_lazy("quantity"))
    def quantity_said(self, line: InvoiceLine) -> str:
        return admin_written.written_line(line).quantity

    @admin.display(description=gettext_lazy("amount"))
    def amount_said(self, line: InvoiceLine) -> str:
        return admin_written.written_line(line).amount

    @admin.display(description=gettext_lazy("working"))
    def how(self, line: InvoiceLine) -> str:
        return admin_written.working(line)


class PaymentInline(ReadOnly, admin.TabularInline[Payment, Invoice]):
    model = Payment
    fields = ["received_on", "amount", "reference", "recorded_by"]
    readonly_fields = ["recorded_by"]  # which no form can edit


class CreditNoteInline(ReadOnly, admin.TabularInline[CreditNote, Invoice]):
    model = CreditNote
    fields = ["number", "kind", "issued_at", "gross", "reason"]


class PaymentForm(forms.ModelForm[Payment]):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        invoice, amount = self.cleaned_data.get("invoice"), self.cleaned_data.get("amount")
        if invoice and invoice.voided_at:
            raise ValidationError(
                gettext("Invoice {invoice} is void: nothing is paid for it.").format(
                    invoice=invoice
                )
            )
        if invoice and amount is not None and amount != round_amount(amount, invoice.currency):
            said = gettext("This is no amount of {currency}.").format(currency=invoice.currency)
            raise ValidationError({"amount": said})
        return cleaned


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin[Payment]):
    """Payments are recorded here; one that was wrong is taken back by one below zero."""

    form = PaymentForm
    fields = ["invoice", "amount", "received_on", "reference"]
    list_display = ["invoice", "amount_said", "received_on", "reference", "recorded_by"]
    list_select_related = ["invoice", "recorded_by"]
    search_fields = ["invoice__number", "reference"]
    autocomplete_fields = ["invoice"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_said(self, payment: Payment) -> str:
        return admin_written.money(payment.amount, payment.invoice)

    def has_change_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Payment, form: forms.ModelForm[Payment], change: bool
    ) -> None:
        obj.recorded_at = timezone.now()
        obj.recorded_by = request.user if isinstance(request.user, User) else None
        super().save_model(request, obj, form, change)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("The document says it."),
    )


class CreditNoteLineInline(ReadOnly, admin.TabularInline[CreditNoteLine, CreditNote]):
    model = CreditNoteLine
    fields = ["position", "invoice_line", "amount"]


class CreditNoteForm(forms.ModelForm[CreditNote]):
    """Of one line, of an amount of the whole, or, with neither, of all that is left."""

    line = forms.IntegerField(
        label=gettext_lazy("Line"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Its position. Empty: shared out over all lines."),
    )
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"),
        required=False,
        help_text=gettext_lazy("As the lines have it. Empty: all that is left."),
    )

    class Meta:
        model = CreditNote
        fields = ["invoice", "reason"]

    def clean(self) -> dict[str, Any] | None:
        """Write it right here: only then is known whether there is enough left."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            self.instance = _credit(self.cleaned_data)
        except CannotCredit as error:
            raise ValidationError(str(error)) from error
        return cleaned

    def _post_clean(self) -> None:
        """What was written is whole: no field of the form goes over it."""


def _credit(asked: dict[str, Any]) -> CreditNote:
    invoice, line, amount = asked["invoice"], asked["line"], asked["amount"]
    if line and amount is None:
        raise CannotCredit(gettext("Say how much of the line."))
    amounts = None
    if amount is not None:
        amounts = {line: amount} if line else shares(invoice, amount)
    return credit(invoice, amounts, reason=asked["reason"], now=timezone.now())


@admin.register(CreditNote)
class CreditNoteAdmin(admin.ModelAdmin[CreditNote]):
    form = CreditNoteForm
    list_display = ["number", "invoice", "kind", "gross_said", "issued_at", "reason"]
    list_select_related = ["invoice"]
    search_fields = ["number", "invoice__number"]
    autocomplete_fields = ["invoice"]
    inlines = [CreditNoteLineInline]

    @admin.display(description=gettext_lazy("gross"), ordering="gross")
    def gross_said(self, note: CreditNote) -> str:
        return admin_written.money(note.gross, note.invoice)

    def get_fields(self, request: HttpRequest, obj: CreditNote | None = None) -> Any:
        if obj is None:
            return ["invoice", "line", "amount", "reason"]
        return ["number", "invoice", "kind", "total", "tax", "gross", "issued_at", "reason"]

    def has_change_permission(self, request: HttpRequest, obj: CreditNote | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CreditNote | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: CreditNote, form: Any, change: bool) -> None:
        """It is written already."""


@admin.register(Invoice)
class InvoiceAdmin(ReadOnly, admin.ModelAdmin[Invoice]):
    list_display = [
        *("number", "organisation", "starts_on", "ends_on", "gross_said", "due_on", "voided_at"),
    ]
    list_select_related = ["organisation"]
    search_fields = ["number", "organisation__name", "organisation__slug"]
    date_hierarchy = "starts_on"
    fields = [
        *("number", "organisation", "plan_version", "legal_entity"),
        *("starts_on", "ends_on", "time_zone", "from_whom", "to_whom", "language", "reference"),
        *("currency", "prices_include_tax", "sums", "issued_at", "due_on", "voided_at"),
        *("metered_until", "inputs_digest"),
    ]
    readonly_fields = ["from_whom", "to_whom", "sums"]
    inlines = [InvoiceLineInline, PaymentInline, CreditNoteInline]
    actions = ["verify", "credit_in_full", "void"]

    def get_view_on_site_url(self, obj: Invoice | None = None) -> str | None:
        """Name the page that its customer sees, where each line opens down to its events."""
        if obj is None:
            return None
        return reverse("invoice", args=[obj.organisation.slug, obj.number])

    @admin.display(description=gettext_lazy("total"), ordering="gross")
    def gross_said(self, invoice: Invoice) -> str:  # `total` is a field: the net, without currency
        return admin_written.money(invoice.gross, invoice)

    @admin.display(description=gettext_lazy("seller, as it was"))
    def from_whom(self, invoice: Invoice) -> str:
        return admin_written.seller(invoice)

    @admin.display(description=gettext_lazy("buyer, as it was"))
    def to_whom(self, invoice: Invoice) -> str:
        return admin_written.buyer(invoice)

    @admin.display(description=gettext_lazy("sums"))
    def sums(self, invoice: Invoice) -> str:
        return admin_written.sums(invoice)

    @admin.action(description=gettext_lazy("Verify from their events"), permissions=["view"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        for invoice in queryset.order_by("pk"):
            difference = verifying.verify(invoice)
            same = gettext("{invoice}: made anew from its events, it comes to the same cent.")
            said = difference or same.format(invoice=invoice)
            self.message_user(request, said, messages.ERROR if difference else messages.SUCCESS)

    @admin.action(description=gettext_lazy("Credit all that is left…"), permissions=["credit"])
    def credit_in_full(
        self, request: HttpRequest, queryset: QuerySet[Invoice]
    ) -> HttpResponse | None:
        how = partial(credit, amounts=None)
        title = gettext("Credit all that is left")
        return self._take_back(request, queryset, "credit_in_full", title, how)

    @admin.action(description=gettext_lazy("Void…"), permissions=["credit"])
    def void(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        return self._take_back(request, queryset, "void", pgettext("do it", "Void"), void)

    def has_credit_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.add_creditnote")

    def _take_back(
        self,
        request: HttpRequest,
        invoices: QuerySet[Invoice],
        action: str,
        title: str,
        how: Callable[..., CreditNote],
    ) -> HttpResponse | None:
        """Ask first, and for the reason, which the document says; then write each."""
        chosen = invoices.select_related("organisation").order_by("pk")
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": gettext("{title}: are you sure?").format(title=title),
                "action": action,
                "invoices": [(one, admin_written.written(one)) for one in chosen],
                "form": form,
            }
            return TemplateResponse(request, "admin/billing/invoice/take_back.html", context)
        for invoice in chosen:
            try:
                note = how(invoice, reason=form.cleaned_data["reason"], now=timezone.now())
                self.log_change(request, invoice, f"{title}: {note}.")
                self.message_user(request, f"{invoice}: {note}.")
            except CannotCredit as error:
                self.message_user(request, str(error), messages.ERROR)
        return None


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly, admin.ModelAdmin[Subscription]):
    list_display = ["organisation", "plan_version", "starts_on"]
    list_select_related = ["organisation", "plan_version__plan"]
    search_fields = ["organisation__name", "organisation__slug"]


class VatRateInline(admin.TabularInline[VatRate, LegalEntity]):
    model = VatRate
    form = PlainNumbers[VatRate]
    formset = NamedCells
    extra = 0


@admin.register(LegalEntity)
class LegalEntityAdmin(admin.ModelAdmin[LegalEntity]):
    list_display = ["legal_name", "country", "vat_id", "invoice_prefix", "is_default"]
    inlines = [VatRateInline]


@admin.register(BillingDetails)
class BillingDetailsAdmin(admin.ModelAdmin[BillingDetails]):
    list_display = ["organisation", "legal_name", "country", "vat_id", "language"]
    list_select_related = ["organisation"]
    search_fields = ["legal_name", "organisation__name", "organisation__slug"]
    autocomplete_fields = ["organisation"]
