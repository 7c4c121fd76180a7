from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

from catacloud.accounts.models import ApiKey, Membership, Role, User
from catacloud.admin_forms import NamedMoments


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    ordering = ["email"]
    list_display = ["email", "first_name", "last_name", "is_staff"]
    search_fields = ["email", "first_name", "last_name"]
    fieldsets = [
        (None, {"fields": ["email", "password", "first_name", "last_name", "language"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj and Membership.objects.filter(user=obj, role=Role.OWNER).exists():
            return False  # the last owner stays: hand the organisation over first
        return super().has_delete_permission(request, obj)


@admin.register(ApiKey)
class ApiKeyAdmin(NamedMoments, admin.ModelAdmin[ApiKey]):
    list_display = ["name", "prefix", "organisation", "created_at", "last_used_at", "revoked_at"]
    readonly_fields = ["name", "prefix", "organisation", "created_at", "last_used_at"]
    fields = [*readonly_fields, "revoked_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        fixed = list(map(str, self.readonly_fields))
        if obj and obj.organisation:
            fixed.append("revoked_at")  # that is done in its settings, which keep a log of it
        return fixed

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a key is shown once, when it is made, and the admin cannot show it
