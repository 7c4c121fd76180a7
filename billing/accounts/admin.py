"""Billing accounts in the admin: what was agreed, and a page for each thing to agree on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from billing.accounts.account import Refused
from billing.accounts.agreements import agreements_of
from billing.accounts.commands import Agreement
from billing.accounts.forms import OPERATIONS
from billing.accounts.models import Account, Coupon
from billing.accounts.operations import Operation
from billing.invoicing.charging.subscriptions import CannotSubscribe
from billing.metering.services.admin import ReadOnly
from billing.periods import day_of
from billing.pricing.forms import PlainNumbers

MAY_AGREE = "billing.change_subscription"


@admin.register(Account)
class AccountAdmin(ReadOnly, admin.ModelAdmin[Account]):
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    fields = ["name", "slug", "time_zone"]
    change_form_template = "admin/billing/account/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.operate)
        own = path("<uuid:pk>/agree/<slug:name>/", page, name="billing_account_agree")
        return [own, *super().get_urls()]

    def get_view_on_site_url(self, obj: Account | None = None) -> str | None:
        """Name the page of its invoices, those to come first."""
        return None if obj is None else reverse("invoices", args=[obj.slug])

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        more: dict[str, Any] = {"agreements": agreements_of(account)} if account else {}
        if request.user.has_perm(MAY_AGREE):
            more["operations"] = [(name, form.title) for name, form in OPERATIONS.items()]
        return super().change_view(request, object_id, form_url, (extra_context or {}) | more)

    def operate(self, request: HttpRequest, pk: Any, name: str) -> HttpResponse:
        """Ask what is to be agreed on, show it for confirmation, then do it."""
        if not request.user.has_perm(MAY_AGREE):
            raise PermissionDenied
        if name not in OPERATIONS:
            raise Http404
        account = get_object_or_404(Account, pk=pk)
        today = day_of(timezone.now(), account.zone)
        form = OPERATIONS[name](request.POST or None, organisation=account, today=today)
        is_valid = request.method == "POST" and form.is_valid()
        if is_valid and "confirmed" in request.POST and self._acted(request, account, form):
            return redirect(reverse("admin:billing_account_change", args=[account.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{form.title}: {account}",
            "account": account,
            "form": form,
            "words": form.in_words() if is_valid and form.is_valid() else None,
        }
        return TemplateResponse(request, "admin/billing/account/agree.html", context)

    def _acted(self, request: HttpRequest, account: Account, form: Operation) -> bool:
        reason, actor = form.cleaned_data["reason"], str(request.user.pk)
        try:
            form.act(Agreement(account, reason=reason, now=timezone.now(), actor=actor))
        except (Refused, CannotSubscribe) as error:
            form.add_error(None, str(error))
            return False
        self.log_change(request, account, f"{form.title}: {reason}")
        self.message_user(
            request, gettext("{title}: done.").format(title=form.title), messages.SUCCESS
        )
        return True


@admin.register(Coupon)
class CouponAdmin(admin.ModelAdmin[Coupon]):
    form = PlainNumbers[Coupon]
    list_display = ["code", "text", "redeemed", "most_redemptions", "valid_until"]
    search_fields = ["code", "text"]
    readonly_fields = ["redeemed"]

    def get_readonly_fields(self, request: HttpRequest, obj: Coupon | None = None) -> Any:
        """What organisations took by it stays what it says: then only its limits change."""
        fixed = ["code", "text", "rate", "amount", "currency", "service", "periods"]
        return [*fixed, "redeemed"] if obj and obj.redeemed else ["redeemed"]

    def has_delete_permission(self, request: HttpRequest, obj: Coupon | None = None) -> bool:
        return not (obj and obj.redeemed) and super().has_delete_permission(request, obj)
