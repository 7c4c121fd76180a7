from django.contrib import admin
from sequences.models import Sequence

from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.metering.admin import ReadOnly

# The package offers its counters for editing, and these are the invoices' numbers without a gap.
admin.site.unregister(Sequence)


class InvoiceLineInline(ReadOnly, admin.TabularInline[InvoiceLine, Invoice]):
    model = InvoiceLine
    fk_name = "invoice"
    fields = ["position", "service_name", "quantity", "unit", "amount", "corrects", "working"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnly, admin.ModelAdmin[Invoice]):
    list_display = ["number", "organisation", "starts_on", "ends_on", "total", "currency"]
    list_select_related = ["organisation"]
    search_fields = ["number", "organisation__name", "organisation__slug"]
    date_hierarchy = "starts_on"
    inlines = [InvoiceLineInline]


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly, admin.ModelAdmin[Subscription]):
    list_display = ["organisation", "plan_version", "starts_on"]
    list_select_related = ["organisation", "plan_version__plan"]
    search_fields = ["organisation__name", "organisation__slug"]
