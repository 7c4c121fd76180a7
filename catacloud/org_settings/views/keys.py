"""API keys, for owners. A new one is shown in the answer that made it, and never again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from catacloud.accounts.access import SignedInRequest, get_organisation_as, signed_in
from catacloud.accounts.models import Role
from catacloud.org_settings import keys as team_keys
from catacloud.org_settings.forms import NewKeyForm
from catacloud.org_settings.views.shown import show


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    form, made, now = NewKeyForm(request.POST or None), None, timezone.now()
    if request.method == "POST" and form.is_valid():
        made = team_keys.make(
            organisation=organisation, name=form.cleaned_data["name"], by=request.user, now=now
        )
        form = NewKeyForm()
    return show(
        request,
        "keys",
        organisation,
        form=form,
        made=made,
        keys=organisation.api_keys.order_by("revoked_at", "-created_at", "pk"),
        today=now,
    )


@signed_in
@require_POST
def revoke(request: SignedInRequest, slug: str, prefix: str) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    revoked = team_keys.revoke(
        organisation=organisation, prefix=prefix, by=request.user, now=timezone.now()
    )
    if revoked:
        said = _("The key %(name)s is revoked: it opens nothing any more.")
        messages.success(request, said % {"name": revoked.name})
    else:
        messages.error(request, _("There is no such key, or it was revoked before."))
    return redirect("keys", slug)
