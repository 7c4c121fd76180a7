"""Members and invitations, for owners."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from catacloud.accounts.access import SignedInRequest, get_organisation_as, signed_in
from catacloud.accounts.models import Membership, Organisation, Role, User
from catacloud.org_settings import invitations, mail
from catacloud.org_settings import members as team
from catacloud.org_settings.forms import NewMemberForm, RoleForm
from catacloud.org_settings.members import MemberError
from catacloud.org_settings.views.shown import show


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    form = NewMemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _let_in(request, organisation, **form.cleaned_data)
        return redirect("members", slug)
    people = Membership.objects.filter(organisation=organisation).select_related("user")
    return show(
        request,
        "members",
        organisation,
        form=form,
        roles=Role.choices,
        members=people.order_by("user__email"),
        invitations=organisation.invitations.all(),
        now=timezone.now(),
    )


@signed_in
@require_POST
def role(request: SignedInRequest, slug: str, member_id: int) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    form = RoleForm(request.POST)
    try:
        if form.is_valid():
            team.change_role(
                organisation=organisation,
                member_id=member_id,
                role=Role(form.cleaned_data["role"]),
                by=request.user,
                now=timezone.now(),
            )
    except MemberError as error:
        messages.error(request, str(error))
    else:
        _say(request, form.is_valid(), _("The role is changed."), _("There is no such role."))
    return _back(request, organisation)


@signed_in
@require_POST
def remove(request: SignedInRequest, slug: str, member_id: int) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    try:
        team.remove(
            organisation=organisation, member_id=member_id, by=request.user, now=timezone.now()
        )
    except MemberError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The member is removed."))
    return _back(request, organisation)


@signed_in
@require_POST
def withdraw(request: SignedInRequest, slug: str, invitation_id: int) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER)
    invitations.withdraw(
        organisation=organisation,
        invitation_id=invitation_id,
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("members", slug)


def _let_in(request: SignedInRequest, organisation: Organisation, *, email: str, role: str) -> None:
    """Add who has an account, invite who has none, and write to either."""
    by, now = request.user, timezone.now()
    known = User.objects.filter(email=email).first()
    try:
        if known:
            team.add(organisation=organisation, user=known, role=Role(role), by=by, now=now)
            link = request.build_absolute_uri(reverse("usage", args=[organisation.slug]))
            mail.send_welcome(known, organisation=organisation, by=by, link=link)
            said = _("%(email)s belongs to %(name)s now.")
        else:
            token = invitations.invite(
                organisation=organisation, email=email, role=Role(role), by=by, now=now
            )
            link = request.build_absolute_uri(reverse("invitation", args=[token]))
            mail.send_invitation(email, organisation=organisation, by=by, link=link)
            said = _("%(email)s is invited: the e-mail is on its way.")
    except MemberError as error:
        messages.error(request, str(error))
    except OSError:
        said = _(
            "The e-mail to %(email)s could not be sent: whom you invited, invite again; whom you "
            "added can sign in."
        )
        messages.error(request, said % {"email": email})
    else:
        messages.success(request, said % {"email": email, "name": organisation.name})


def _say(request: SignedInRequest, is_good: bool, good: str, bad: str) -> None:
    if is_good:
        messages.success(request, good)
    else:
        messages.error(request, bad)


def _back(request: SignedInRequest, organisation: Organisation) -> HttpResponse:
    """Return to the members; whoever is no owner any more, to the page that is left to them."""
    if request.user.is_staff or Membership.objects.filter(
        organisation=organisation, user=request.user, role=Role.OWNER
    ):
        return redirect("members", organisation.slug)
    if Membership.objects.filter(organisation=organisation, user=request.user).exists():
        return redirect("settings", organisation.slug)
    return redirect("home")
