"""The log of what was done in an organisation, for its owners."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from catacloud.accounts.access import SignedInRequest, get_organisation_as, signed_in
from catacloud.accounts.models import Role
from catacloud.org_settings.log import LAST, read
from catacloud.org_settings.views.shown import show


@signed_in
@require_safe
def log(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 20 else None
    entries, older = read(organisation, before=min(before, LAST) if before else None)
    return show(request, "log", organisation, entries=entries, older=older, before=before)
