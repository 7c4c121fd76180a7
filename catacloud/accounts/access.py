"""Who may see what. Another organisation's things are not forbidden: they do not exist (404)."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django_htmx.middleware import HtmxDetails

from catacloud.accounts.models import Membership, Organisation, Role, User

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    """A request behind :func:`signed_in` or :func:`operators_only`."""

    user: User
    htmx: HtmxDetails


def visible_organisations(user: User) -> QuerySet[Organisation]:
    """Return every organisation for an operator, else those that the person belongs to.

    The latter have the person's role as ``own_role``, which costs no query more.
    """
    if user.is_staff:
        return Organisation.objects.all()
    return Organisation.objects.filter(membership__user=user).annotate(
        own_role=F("membership__role")
    )


def get_organisation(user: User, slug: str) -> Organisation:
    """Return the organisation, or raise Http404 where it does not exist for ``user``."""
    return get_object_or_404(visible_organisations(user), slug=slug)


def role_of(user: User, organisation: Organisation) -> Role | None:
    """Return what a person may do: operators whatever owners may, strangers nothing (None)."""
    if user.is_staff:
        return Role.OWNER
    found = Membership.objects.filter(user=user, organisation=organisation).first()
    return Role(found.role) if found else None


def may_bill(user: User, organisation: Organisation) -> bool:
    """Say if a person may change what an organisation pays: its owners and billers, operators."""
    return role_of(user, organisation) in (Role.OWNER, Role.BILLING)


def get_organisation_as(user: User, slug: str, *roles: Role) -> Organisation:
    """Return the organisation where ``user`` has one of the roles in it; else raise Http404."""
    organisation = get_organisation(user, slug)
    if role_of(user, organisation) not in roles:
        raise Http404("This page does not exist.")
    return organisation


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Send a signed-out visitor to the sign-in page."""
    return login_required(view)  # type: ignore[return-value]


def operators_only(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Show the page to operators; for every other signed-in person it does not exist."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_staff:
            raise Http404("This page does not exist.")
        return view(request, *args, **kwargs)

    return signed_in(guarded)  # type: ignore[arg-type]
