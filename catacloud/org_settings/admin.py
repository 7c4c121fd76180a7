from typing import cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from billing.metering.recounting import rebuilding
from catacloud.accounts.models import Organisation, User
from catacloud.org_settings import changes


class OrganisationForm(forms.ModelForm[Organisation]):
    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone != self.instance.time_zone and self.instance.pk and rebuilding.is_under_way():
            raise ValidationError(
                gettext("Usage is being rebuilt: change the time zone after that.")
            )
        return zone


@admin.register(Organisation)
class OrganisationAdmin(admin.ModelAdmin[Organisation]):
    """Members and keys are kept in the organisation's settings, which operators may open."""

    form = OrganisationForm
    list_display = ["name", "slug", "external_key", "time_zone", "created_at"]
    search_fields = ["name", "slug", "external_key"]
    readonly_fields = ["created_at", "settings"]

    @admin.display(description=gettext_lazy("Members, keys, log"))
    def settings(self, organisation: Organisation) -> str:
        if organisation.slug == "":
            return gettext("In its settings, once it is saved")
        page = reverse("members", args=[organisation.slug])
        return format_html('<a href="{}">{}</a>', page, gettext("In its settings"))

    def save_model(
        self,
        request: HttpRequest,
        obj: Organisation,
        form: forms.ModelForm[Organisation],
        change: bool,
    ) -> None:
        if not change:
            obj.created_at = timezone.now()
        if change and "time_zone" in form.changed_data:
            changes.change_time_zone(
                organisation=Organisation.objects.get(pk=obj.pk),
                time_zone=obj.time_zone,
                by=cast(User, request.user),
                now=timezone.now(),
            )
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        return False  # its events are for ever, and may be on their way to the saga
