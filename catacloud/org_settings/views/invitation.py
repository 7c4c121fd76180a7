"""The page that an invitation leads to. Opening it changes nothing: programs read e-mails too."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from catacloud.accounts.models import Invitation, User
from catacloud.org_settings import invitations
from catacloud.org_settings.invitations import NoInvitation


@never_cache
@sensitive_variables("token")
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    try:
        invited = invitations.find(token, now=timezone.now())
        is_known = invitations.knows(invited.email)
        form = SetPasswordForm(User(email=invited.email), request.POST or None)
        if request.method == "POST" and (is_known or form.is_valid()):
            password = None if is_known else form.cleaned_data["new_password1"]
            return _accept(request, token, password, invited)
    except NoInvitation:
        return render(request, "accounts/no_invitation.html", status=404)
    context = {
        "invitation": invited,
        "is_known": is_known,
        "form": form,
        "is_somebody_else": invitations.is_somebody_else(request.user, invited),
    }
    return render(request, "accounts/invitation.html", context)


@sensitive_variables()
def _accept(
    request: HttpRequest, token: str, password: str | None, invited: Invitation
) -> HttpResponse:
    """Let the person in: signed in at once where the password was just chosen."""
    user = invitations.accept(token, password=password, now=timezone.now())
    if password is not None and user.check_password(password):
        login(request, user)
    name = invited.organisation.name
    messages.success(request, _("You belong to %(name)s now.") % {"name": name})
    return redirect("usage", invited.organisation.slug)
