"""A charge's page in the admin: its terms, its tiers, and what they come to while being edited."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from billing.pricing.admin_drafts import DraftAdmin, OnlyDrafts
from billing.pricing.forms import ChargeForm, PreviewForm, TierForm, TierFormSet, tiers_as_filled_in
from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.previewing import examples
from billing.pricing.terms import has_event_terms, terms_of
from billing.pricing.words import in_words


class TierInline(OnlyDrafts, admin.TabularInline[Tier, Charge]):
    model = Tier
    form = TierForm
    formset = TierFormSet
    extra = 1


@admin.register(Charge)
class ChargeAdmin(DraftAdmin[Charge]):
    form = ChargeForm
    list_display = ["version", "service", "model"]
    list_filter = ["version__status", "service"]
    list_select_related = ["version__plan", "service"]
    fieldsets = [
        (None, {"fields": ["version", "service", "model", "tax_class"]}),
        (gettext_lazy("Only for one value"), {"fields": ["dimension", "value"]}),
        (gettext_lazy("Flat price, or packages"), {"fields": ["amount", "package_size"]}),
        (
            gettext_lazy("Terms, in this order"),
            {
                "fields": [
                    *("divide_by", "rounding", "allowance", "flat_fee_on_zero"),
                    *("minimum", "maximum"),
                ]
            },
        ),
        (
            gettext_lazy("Terms of each event, of a percentage"),
            {"fields": ["event_fee", "event_minimum", "event_maximum", "free_events"]},
        ),
    ]
    inlines = [TierInline]

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(require_POST(self.preview))
        return [
            path("preview/", preview, name="billing_charge_preview"),
            path("<int:pk>/preview/", preview, name="billing_charge_preview"),
            *super().get_urls(),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Charge | None = None) -> Any:
        return ["version", "service"] if obj else []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if original := context.get("original"):
            context["in_words"] = in_words(original)
        return super().render_change_form(request, context, *args, **kwargs)

    def preview(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Say what the form as it stands would come to; nothing is saved."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        stored = Charge.objects.select_related("version", "service")
        charge = get_object_or_404(stored, pk=pk) if pk else Charge()
        form = PreviewForm(request.POST, instance=charge)
        tiers = tiers_as_filled_in(request.POST, charge)
        context: dict[str, Any] = {"mistakes": form.mistakes(tiers)}
        if not context["mistakes"]:
            currency = charge.version.currency
            context |= {
                "charge": charge,
                "currency": currency,
                "by_event": has_event_terms(charge),
                "examples": list(examples(terms_of(charge, tiers.priced()), currency=currency)),
            }
        return TemplateResponse(request, "admin/billing/charge/preview.html", context)

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if db_field.name == "version":
            kwargs["queryset"] = PlanVersion.objects.filter(status="draft").select_related("plan")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
