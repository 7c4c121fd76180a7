"""Who uploads: a program with an API key, or a person who is signed in."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import get_object_or_404
from django.utils import timezone

from catacloud.accounts.access import get_organisation
from catacloud.accounts.api_keys import authenticate
from catacloud.accounts.models import Organisation, User
from catacloud.problems import Problem

SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, as events record it, and for which organisation."""

    organisation: Organisation
    actor: str


def caller(request: HttpRequest, slug: str) -> Caller:
    """Return who it is, acting for the organisation of this slug.

    Raises Http404 where it does not exist for them, and Problem without valid credentials.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _program(token.strip(), slug)
    user = request.user
    if not isinstance(user, User):
        raise Problem(
            401,
            "Send a valid API key: Authorization: Bearer cck_…",
            headers={"WWW-Authenticate": "Bearer"},
        )
    _check_csrf(request)
    return Caller(get_organisation(user, slug), actor=f"user:{user.pk}")


def _program(token: str, slug: str) -> Caller:
    key = authenticate(token, now=timezone.now())
    if key is None:
        raise Problem(401, "The API key is not valid.", headers={"WWW-Authenticate": "Bearer"})
    organisation = key.organisation or get_object_or_404(Organisation, slug=slug)
    if organisation.slug != slug:
        raise Http404
    return Caller(organisation, actor=f"api-key:{key.prefix}")


def _check_csrf(request: HttpRequest) -> None:
    """Refuse a request that another site made with a person's cookie. Raises Problem.

    The token has to come in the header: Django would look for it in the body as well, which is the
    file.
    """
    if request.method in SAFE:
        return
    refused = "Send the page's CSRF token in the header X-CSRFToken."
    if "X-CSRFToken" not in request.headers:
        raise Problem(403, refused)
    check = _CsrfCheck(_protected)
    check.process_request(request)
    if check.process_view(request, _protected, (), {}) is not None:
        raise Problem(403, refused)


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:
        return HttpResponseForbidden(reason)  # and no page


def _protected(_: HttpRequest) -> HttpResponse:
    """What the check looks at, to see whether a view is exempt; this one is not."""
    return HttpResponse()
