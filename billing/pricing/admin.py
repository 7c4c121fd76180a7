"""Price plans in the admin: a version's page lists its charges, a charge's page its tiers."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from billing.pricing.forms import TierForm, TierFormSet
from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.pricing.plans import CannotPublish, new_draft, next_number, publish
from billing.pricing.words import in_words

M = TypeVar("M", bound=Model)


def version_of(obj: Model | None) -> PlanVersion | None:
    return obj.version if isinstance(obj, Charge) else obj if isinstance(obj, PlanVersion) else None


class OnlyDrafts:
    """For an admin class: what belongs to a version can be changed while that is a draft."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_open(obj) and request.user.has_perm("billing.add_planversion")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_open(obj) and request.user.has_perm("billing.change_planversion")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_open(obj) and request.user.has_perm("billing.delete_planversion")

    def _is_open(self, obj: Model | None) -> bool:
        version = version_of(obj)
        return version is None or version.status == PlanVersion.Status.DRAFT


class DraftAdmin(OnlyDrafts, admin.ModelAdmin[M]):
    """An admin page of a version or of a part of it."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        # A save waits for a publication under way and then finds the page closed, so the database
        # never has to refuse it. The admin has opened the transaction.
        found = super().get_object(request, object_id, from_field)
        if request.method == "POST" and (version := version_of(found)):
            locked = PlanVersion.objects.select_for_update().get(pk=version.pk)
            version.status = locked.status
        return found


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
    fields = ["service", "model", "amount", "package_size", "prices"]
    readonly_fields = ["prices"]
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Charge]:
        return super().get_queryset(request).prefetch_related("tiers")

    @admin.display(description="prices")
    def prices(self, charge: Charge) -> str:
        return in_words(charge) if charge.pk else "after saving, on the charge's page"


@admin.register(PlanVersion)
class PlanVersionAdmin(DraftAdmin[PlanVersion]):
    list_display = ["__str__", "status", "currency", "published_at"]
    list_filter = ["status", "plan"]
    list_select_related = ["plan"]
    fields = ["plan", "currency", "number", "status", "published_at"]
    readonly_fields = ["number", "status", "published_at"]
    inlines = [ChargeInline]
    actions = ["publish", "duplicate"]

    def get_readonly_fields(self, request: HttpRequest, obj: PlanVersion | None = None) -> Any:
        return ["plan", *self.readonly_fields] if obj else self.readonly_fields

    def save_model(
        self, request: HttpRequest, obj: PlanVersion, form: ModelForm[PlanVersion], change: bool
    ) -> None:
        if not change:
            obj.number = next_number(plan=obj.plan)
        super().save_model(request, obj, form, change)

    @admin.action(description="Publish…", permissions=["change"])
    def publish(self, request: HttpRequest, versions: QuerySet[PlanVersion]) -> HttpResponse | None:
        def publish_one(version: PlanVersion) -> str:
            publish(version=version, now=timezone.now())
            return f"{version} is published: it can be subscribed to, and never changes."

        return self._confirmed(request, versions, "publish", publish_one)

    @admin.action(description="Duplicate to a new draft…", permissions=["add"])
    def duplicate(
        self, request: HttpRequest, versions: QuerySet[PlanVersion]
    ) -> HttpResponse | None:
        def duplicate_one(version: PlanVersion) -> str:
            return f"{version} is copied to the draft {new_draft(version=version)}."

        return self._confirmed(request, versions, "duplicate", duplicate_one)

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
            except CannotPublish as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.log_change(request, version, f"Chose to {action} it.")
        return None

    def _ask(
        self, request: HttpRequest, versions: QuerySet[PlanVersion], action: str
    ) -> HttpResponse:
        charges = Charge.objects.select_related("service").prefetch_related("tiers")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{action.capitalize()}: are you sure?",
            "action": action,
            "versions": [
                (
                    version,
                    [(charge, in_words(charge)) for charge in charges.filter(version=version)],
                )
                for version in versions
            ],
        }
        return TemplateResponse(request, "admin/billing/planversion/confirm.html", context)


class TierInline(OnlyDrafts, admin.TabularInline[Tier, Charge]):
    model = Tier
    form = TierForm
    formset = TierFormSet
    extra = 1


@admin.register(Charge)
class ChargeAdmin(DraftAdmin[Charge]):
    list_display = ["version", "service", "model"]
    list_filter = ["version__status", "service"]
    list_select_related = ["version__plan", "service"]
    fieldsets = [
        (None, {"fields": ["version", "service", "model"]}),
        ("Flat price, or packages", {"fields": ["amount", "package_size"]}),
        (
            "Terms, in this order",
            {"fields": ["divide_by", "rounding", "allowance", "minimum", "maximum"]},
        ),
    ]
    inlines = [TierInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Charge | None = None) -> Any:
        return ["version", "service"] if obj else []

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if db_field.name == "version":
            kwargs["queryset"] = PlanVersion.objects.filter(status="draft").select_related("plan")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
