from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, SetUnusablePasswordMixin
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from catacloud.accounts.models import ApiKey, Membership, Role, User
from catacloud.admin_forms import NamedMoments


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # not at run time
    """Django's, whose warning is English in every language."""

    usable_password_help_text = format_lazy(  # type: ignore[assignment]  # it is shown as text
        '{}<ul id="id_unusable_warning" class="messagelist"><li class="warning">{}</li></ul>',
        SetUnusablePasswordMixin.usable_password_help_text,
        gettext_lazy("If disabled, the current password for this user will be lost."),
    )


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    change_password_form = PasswordForm
    ordering = ["email"]
    list_display = ["email", "first_name", "last_name", "is_staff"]
    search_fields = ["email", "first_name", "last_name"]
    fieldsets = [
        (None, {"fields": ["email", "password", "first_name", "last_name", "language"]}),
        (gettext_lazy("Rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
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
