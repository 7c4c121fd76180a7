"""The way in: everyone is sent to the page that is theirs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from catacloud.accounts.access import visible_organisations


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render(request, "billing/welcome.html")
    if request.user.is_staff:
        return redirect("overview")
    organisation = visible_organisations(request.user).order_by("name", "id").first()
    if organisation is None:
        return render(request, "billing/no_organisation.html")
    return redirect("usage", organisation.slug)
