"""The first page of settings: the organisation's time zone, and what each member decides alone."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.metering.recounting.rebuilding import AnotherRebuild
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    get_organisation_as,
    signed_in,
)
from catacloud.accounts.emails import wanted
from catacloud.accounts.models import EmailKind, Membership, Role
from catacloud.org_settings import changes, members
from catacloud.org_settings.forms import EmailsForm, TimeZoneForm
from catacloud.org_settings.members import MemberError
from catacloud.org_settings.views.shown import show


@signed_in
@require_safe
def general(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    own = Membership.objects.filter(user=request.user, organisation=organisation).first()
    return show(
        request,
        "general",
        organisation,
        own=own,
        wanted=wanted(own) if own else [],
        kinds=EmailKind.choices,
        zones=TimeZoneForm.base_fields["time_zone"],
    )


@signed_in
@require_POST
def time_zone(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    form = TimeZoneForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such time zone: choose one of the list."))
        return redirect("settings", slug)
    zone = form.cleaned_data["time_zone"]
    try:
        changes.change_time_zone(
            organisation=organisation, time_zone=zone, by=request.user, now=timezone.now()
        )
    except AnotherRebuild:
        messages.error(request, _("Usage is being rebuilt: change the time zone after that."))
    else:
        messages.success(request, _("Days and months are of %(zone)s now.") % {"zone": zone})
    return redirect("settings", slug)


@signed_in
@require_POST
def emails(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    own = get_object_or_404(Membership, user=request.user, organisation=organisation)
    form = EmailsForm(request.POST, instance=own)
    if form.is_valid():
        form.save()
        messages.success(request, _("Your choice of e-mails is saved."))
    else:
        messages.error(request, _("There are no such e-mails: choose from the list."))
    return redirect("settings", slug)


@signed_in
@require_POST
def leave(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    own = get_object_or_404(Membership, user=request.user, organisation=organisation)
    try:
        members.remove(
            organisation=organisation, member_id=own.pk, by=request.user, now=timezone.now()
        )
    except MemberError as error:
        messages.error(request, str(error))
        return redirect("settings", slug)
    messages.success(request, _("You have left %(name)s.") % {"name": organisation.name})
    return redirect("home")
