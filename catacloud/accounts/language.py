"""In which language pages are shown: as a person has chosen, else as the browser asks for.

What programs read stays in English.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from catacloud.accounts.models import User

ENGLISH_ONLY = ("/api/", "/files/", "/lago/")
YEAR = 365 * 24 * 3600  # seconds


class LanguageMiddleware:
    """Comes after the one that says who asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(ENGLISH_ONLY):
            with translation.override("en"):
                return self.get_response(request)
        language = _language_of(request)
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


def _language_of(request: HttpRequest) -> str:
    if isinstance(request.user, User) and request.user.language:
        return request.user.language
    return translation.get_language_from_request(request)


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Show pages in a language from now on, in this browser and wherever the person signs in."""
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        return HttpResponseBadRequest(
            "There are pages in English (en) and German (de): choose one of them.",
            content_type="text/plain; charset=utf-8",
        )
    if isinstance(request.user, User):
        request.user.language = language
        request.user.save(update_fields=["language"])
    response = redirect(_back(request))
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=YEAR,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def _back(request: HttpRequest) -> str:
    asked = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else "home"
