from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from billing.metering.models import DailyUsage, Service


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin[Service]):
    list_display = ["name", "aggregation", "event_type", "unit"]
    search_fields = ["name", "slug", "event_type"]
    # What was measured and priced already has its meaning from these.
    fixed_once_added = [
        "slug",
        "aggregation",
        "event_type",
        "quantity_field",
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


class ReadOnly:
    """For an admin class: things that are looked at here, and made elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnly, admin.ModelAdmin[DailyUsage]):
    list_display = ["day", "organisation", "service", "quantity", "area", "event_count"]
    list_filter = ["service"]
    list_select_related = ["organisation", "service"]
    search_fields = ["organisation__name", "organisation__slug"]
    date_hierarchy = "day"
    ordering = ["-day", "organisation", "service"]
    show_full_result_count = False  # this table grows with usage; a count would read all of it
