"""What all pages of settings have in common."""

from django.http import HttpResponse
from django.shortcuts import render

from catacloud.accounts.access import SignedInRequest, role_of
from catacloud.accounts.models import Organisation


def show(
    request: SignedInRequest, page: str, organisation: Organisation, **context: object
) -> HttpResponse:
    """Render a page of settings; its navigation has what the person's role may open."""
    role = role_of(request.user, organisation)
    given = {"organisation": organisation, "role": role, "here": page, **context}
    response = render(request, f"accounts/settings/{page}.html", given)
    response.headers["Cache-Control"] = "no-store"
    return response
