"""Plans and their versions in the admin: edited, compared, published, duplicated, retired."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from billing.pricing.admin_drafts import DraftAdmin, OnlyDrafts
from billing.pricing.differences import differences
from billing.pricing.forms import ChargeForm, VersionForm
from billing.pricing.models import Charge, Plan, PlanVersion
from billing.pricing.plans import (
    CannotPublish,
    NotPublished,
    new_draft,
    next_number,
    publish,
    retire,
)
from billing.pricing.subscribers import subscribers
from billing.pricing.words import in_words, priced, version_in_words
from catacloud.admin_forms import NamedCells

SURE = {
    "publish": gettext_lazy("Publish: are you sure?"),
    "duplicate": gettext_lazy("Duplicate: are you sure?"),
    "retire": gettext_lazy("Retire: are you sure?"),
}


class VersionInline(admin.TabularInline[PlanVersion, Plan]):
    model = PlanVersion
    fields = ["number", "status", "currency", "published_at"]
    readonly_fields = ["number", "status", "currency", "published_at"]
    show_change_link = True
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return False  # a version has a page of its own


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin[Plan]):
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [VersionInline]


class ChargeInline(OnlyDrafts, admin.TabularInline[Charge, PlanVersion]):
    model = Charge
    form = ChargeForm
    formset = NamedCells
    fields = ["service", "dimension", "value", "model", "amount", "package_size", "prices"]
    readonly_fields = ["prices"]
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Charge]:
        return super().get_queryset(request).prefetch_related("tiers")

    @admin.display(description=gettext_lazy("prices"))
    def prices(self, charge: Charge) -> str:
        return in_words(charge) if charge.pk else gettext("after saving, on the charge's page")


@admin.register(PlanVersion)
class PlanVersionAdmin(DraftAdmin[PlanVersion]):
    form = VersionForm
    list_display = ["__str__", "status", "currency", "effective_on", "published_at"]
    list_filter = ["status", "plan"]
    list_select_related = ["plan"]
    fieldsets = [
        (None, {"fields": ["plan", "number", "status", "published_at", "effective_on"]}),
        (
            gettext_lazy("Billing"),
            {"fields": ["currency", "billing_period", "anchor", "tax_behaviour"]},
        ),
        (
            gettext_lazy("Fees"),
            {
                "fields": [
                    *("base_fee", "base_fee_timing", "base_fee_tax_class"),
                    *("minimum_commitment", "commitment_tax_class"),
                ]
            },
        ),
    ]
    readonly_fields = ["number", "status", "published_at"]
    inlines = [ChargeInline]
    actions = ["publish", "duplicate", "retire"]

    def get_urls(self) -> list[URLPattern]:
        compare = self.admin_site.admin_view(self.compare)
        return [
            path("<int:pk>/compare/", compare, name="billing_planversion_compare"),
            *super().get_urls(),
        ]

    def compare(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say in words what is different from another version: the one before, or ``?with=``."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        version = get_object_or_404(PlanVersion.objects.select_related("plan"), pk=pk)
        others = version.plan.versions.exclude(pk=pk).select_related("plan").order_by("-number")
        other = _chosen(others, version, request.GET.get("with", ""))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("{version}: what is different").format(version=version),
            "version": version,
            "others": others,
            "other": other,
            "differences": _differences(other, version) if other else [],
        }
        return TemplateResponse(request, "admin/billing/planversion/compare.html", context)

    def get_readonly_fields(self, request: HttpRequest, obj: PlanVersion | None = None) -> Any:
        return ["plan", *self.readonly_fields] if obj else self.readonly_fields

    def save_model(
        self, request: HttpRequest, obj: PlanVersion, form: ModelForm[PlanVersion], change: bool
    ) -> None:
        if not change:
            obj.number = next_number(plan=obj.plan)
        super().save_model(request, obj, form, change)

    @admin.action(description=gettext_lazy("Publish…"), permissions=["change"])
    def publish(self, request: HttpRequest, versions: QuerySet[PlanVersion]) -> HttpResponse | None:
        def publish_one(version: PlanVersion) -> str:
            publish(version=version, now=timezone.now())
            text = gettext("{version} is published: it can be subscribed to, and never changes.")
            return text.format(version=version)

        return self._confirmed(request, versions, "publish", publish_one)

    @admin.action(description=gettext_lazy("Duplicate to a new draft…"), permissions=["add"])
    def duplicate(
        self, request: HttpRequest, versions: QuerySet[PlanVersion]
    ) -> HttpResponse | None:
        def duplicate_one(version: PlanVersion) -> str:
            text = gettext("{version} is copied to the draft {draft}.")
            return text.format(version=version, draft=new_draft(version=version))

        return self._confirmed(request, versions, "duplicate", duplicate_one)

    @admin.action(description=gettext_lazy("Retire…"), permissions=["change"])
    def retire(self, request: HttpRequest, versions: QuerySet[PlanVersion]) -> HttpResponse | None:
        def retire_one(version: PlanVersion) -> str:
            retire(version=version)
            text = gettext("{version} is retired: nobody new comes to it, and who is on it stays.")
            return text.format(version=version)

        return self._confirmed(request, versions, "retire", retire_one)

    def _confirmed(
        self,
        request: HttpRequest,
        versions: QuerySet[PlanVersion],
        action: str,
        act: Callable[[PlanVersion], str],
    ) -> HttpResponse | None:
        """Ask first; then act on each version and say what came of it."""
        chosen = versions.select_related("plan")
        if "confirmed" not in request.POST:
            return self._ask(request, chosen, action)
        for version in chosen:
            try:
                self.message_user(request, act(version), messages.SUCCESS)
            except (CannotPublish, NotPublished) as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.log_change(request, version, f"Chose to {action} it.")
        return None

    def _ask(
        self, request: HttpRequest, versions: QuerySet[PlanVersion], action: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": SURE[action],
            "action": action,
            "versions": [_asked(version) for version in versions],
        }
        return TemplateResponse(request, "admin/billing/planversion/confirm.html", context)


def _asked(version: PlanVersion) -> dict[str, Any]:
    """Return what to know of a version before something is done to it."""
    charges = version.charges.select_related("service").prefetch_related("tiers")
    versions = version.plan.versions.select_related("plan")
    before = versions.filter(number__lt=version.number).exclude(status="draft").last()
    on = subscribers(versions, on=timezone.now().date())
    return {
        "version": version,
        "charges": [(priced(charge), in_words(charge)) for charge in charges],
        "before": before,
        "differences": _differences(before, version) if before else [],
        "on_it": on.pop(version, []),
        "on_others": on.items(),
    }


def _differences(before: PlanVersion, after: PlanVersion) -> Sequence[str]:
    return differences(version_in_words(before), version_in_words(after))


def _chosen(others: QuerySet[PlanVersion], version: PlanVersion, asked: str) -> PlanVersion | None:
    if asked.isdecimal() and asked.isascii():
        return get_object_or_404(others, pk=int(asked[:18]))
    return others.filter(number__lt=version.number).first() or others.last()
