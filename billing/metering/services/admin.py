from collections.abc import Sequence
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from billing.exact import plain
from billing.metering.ingesting.corrections import TYPES
from billing.metering.models import Definition, Dimension, Service
from billing.metering.services.jsonpath import NotAField, path_of
from billing.metering.services.meters import MOST, MOST_GROUPS, RESERVED, SOON
from billing.metering.usage_tables import DailyUsage
from catacloud.admin_forms import NamedCells, NamedMoments


class ReadOnly:
    """For an admin class: things that are looked at here, and made elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PathField(forms.CharField):
    """A path of a definition; one in OpenMeter's notation, such as $.usage.bytes, becomes one."""

    def to_python(self, value: object) -> str:
        path = super().to_python(value) or ""
        if not path.startswith(("$.", "$[")):
            return path
        try:
            return path_of(path)
        except NotAField as error:
            raise ValidationError(str(error)) from error


class DefinitionForm(forms.ModelForm[Definition]):
    class Meta:
        field_classes: ClassVar = {"quantity_path": PathField}

    def clean_starts_at(self) -> object:
        starts_at = self.cleaned_data["starts_at"]
        service = self.cleaned_data.get("service")
        if service and service.definitions.exists() and starts_at <= timezone.now() + SOON:
            raise ValidationError(
                gettext(
                    "Let it start at least ten minutes from now: what was counted until then "
                    "stays as it is."
                )
            )
        return starts_at

    def clean_event_types(self) -> list[str]:
        types: list[str] = self.cleaned_data["event_types"]
        if TYPES & set(types or ()):
            raise ValidationError(
                gettext("What corrects usage is none itself: it cannot be counted.")
            )
        return types

    def clean_quantity_path(self) -> str:
        path: str = self.cleaned_data["quantity_path"]
        service = self.cleaned_data.get("service")
        if self.cleaned_data.get("event_types") == []:
            return ""
        if not path and service and service.aggregation != Service.Aggregation.COUNT:
            raise ValidationError(gettext("Say where the quantity is: only a count needs none."))
        return path


class FixedOnceAdded:
    """For an admin class: things that are added here, and never changed."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DimensionForm(forms.ModelForm[Dimension]):
    class Meta:
        field_classes: ClassVar = {"path": PathField}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name in RESERVED:
            raise ValidationError(
                gettext("{name} is the organisation's: give it another name.").format(name=name)
            )
        return name

    def clean_at_most(self) -> int:
        at_most: int = self.cleaned_data["at_most"]
        if not 1 <= at_most <= MOST:
            raise ValidationError(
                gettext("From 1 to {most} values can be told apart.").format(most=MOST)
            )
        return at_most


class DimensionInline(FixedOnceAdded, admin.TabularInline[Dimension, Definition]):
    model = Dimension
    form = DimensionForm
    formset = NamedCells
    extra = 0
    max_num = MOST_GROUPS


@admin.register(Definition)
class DefinitionAdmin(NamedMoments, FixedOnceAdded, admin.ModelAdmin[Definition]):
    form = DefinitionForm
    fields = ["service", "starts_at", "event_types", "quantity_path", "allows_negative"]
    list_display = ["service", "starts_at", "event_types", "quantity_path"]
    list_select_related = ["service"]
    list_filter = ["service"]
    inlines = [DimensionInline]

    def save_model(
        self, request: HttpRequest, obj: Definition, form: forms.ModelForm[Definition], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if obj.starts_at <= timezone.now():
            said = gettext(
                "Events that come from now on are counted. To count what came before, run "
                "manage.py rebuild_usage --service {service}."
            )
            messages.warning(request, said.format(service=obj.service.slug))


class ServiceForm(forms.ModelForm[Service]):
    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug.isdecimal():  # programs find a meter by either
            raise ValidationError(
                gettext("A slug of digits alone would be taken for an id: add a letter.")
            )
        return slug


class DefinitionInline(ReadOnly, admin.TabularInline[Definition, Service]):
    model = Definition
    fields = ["starts_at", "event_types", "quantity_path", "allows_negative"]
    show_change_link = True
    can_delete = False


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin[Service]):
    form = ServiceForm
    list_display = ["name", "aggregation", "unit"]
    search_fields = ["name", "slug"]
    inlines = [DefinitionInline]
    # What was measured and priced already has its meaning from these.
    fixed_once_added = [
        "slug",
        "aggregation",
        "unit",
        "unit_size",
        "level_unit",
        "level_unit_size",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        return self.fixed_once_added if obj else []

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Service | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # events that name it may be on their way to the saga


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnly, admin.ModelAdmin[DailyUsage]):
    list_display = ["day", "organisation", "service", "quantity_said", "area_said", "event_count"]
    list_filter = ["service"]
    list_select_related = ["organisation", "service"]
    search_fields = ["organisation__name", "organisation__slug"]
    date_hierarchy = "day"
    ordering = ["-day", "organisation", "service"]
    show_full_result_count = False  # this table grows with usage; a count would read all of it

    @admin.display(description=gettext_lazy("quantity"))
    def quantity_said(self, usage: DailyUsage) -> str:
        return plain(usage.quantity)

    @admin.display(description=gettext_lazy("area"))
    def area_said(self, usage: DailyUsage) -> str:
        return plain(usage.area)
