"""For admin pages of what belongs to a version: it can be changed while that is a draft."""

from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from billing.pricing.models import Charge, PlanVersion

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
