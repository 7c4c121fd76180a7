"""Who may see what. Another organisation's things are not forbidden: they do not exist (404)."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django_htmx.middleware import HtmxDetails

from catacloud.accounts.models import Membership, Organisation, User

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    """A request behind :func:`signed_in` or :func:`operators_only`."""

    user: User
    htmx: HtmxDetails


def visible_organisations(user: User) -> QuerySet[Organisation]:
    """Return every organisation for an operator, else those that the person belongs to."""
    if user.is_staff:
        return Organisation.objects.all()
    return Organisation.objects.filter(membership__user=user)


def get_organisation(user: User, slug: str) -> Organisation:
    """Return the organisation, or raise Http404 where it does not exist for ``user``."""
    return get_object_or_404(visible_organisations(user), slug=slug)


def may_bill(user: User, organisation: Organisation) -> bool:
    """Say if a person may change what an organisation pays: its owners and billers, operators."""
    roles = (Membership.Role.OWNER, Membership.Role.BILLING)
    return (
        user.is_staff
        or Membership.objects.filter(user=user, organisation=organisation, role__in=roles).exists()
    )


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Send a signed-out visitor to the sign-in page."""
    return login_required(view)  # type: ignore[return-value]


def operators_only(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Show the page to operators; for every other signed-in person it does not exist."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_staff:
            raise Http404("This page does not exist.")
        return view(request, *args, **kwargs)

    return signed_in(guarded)  # type: ignore[arg-type]
