"""Every error of the API as problem JSON (RFC 9457, ``application/problem+json``).

An endpoint refuses by raising :class:`Problem`; what Django and ninja raise themselves gets the
same shape. The body always has ``type``, ``title``, ``status`` and ``detail`` (one clear sentence);
a problem may add members of its own, and a request that does not validate has ``errors``.
"""

import logging
from collections.abc import Callable, Mapping
from http.client import responses as phrases
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.views import defaults
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from catacloud.storable import said

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PROGRAMS = ("/api/", "/files/")  # whom these addresses are for
DETAILS = {
    400: "The request is not valid.",
    404: "There is nothing at this address, or nothing that this key may see.",
    405: "This address does not know the method; the Allow header says which it knows.",
    500: "The server failed; the failure is recorded.",
}


class Problem(Exception):
    """Refuse a request: ``raise Problem(409, "The file is complete.", file=file_id)``.

    Further keywords become members of the body, beside the standard ones. ``type`` is a URI that
    names the kind of problem; without it the status says all there is to say.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str = "about:blank",
        title: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        title = title or phrases.get(status, "Error")
        self.body = {"type": type, "title": title, "status": status, "detail": detail, **members}
        self.status = status
        self.headers = dict(headers or {})

    def response(self) -> HttpResponse:
        return JsonResponse(
            self.body, status=self.status, headers=self.headers, content_type=MEDIA_TYPE
        )


def register(api: NinjaAPI) -> None:
    """Answer every exception that leaves one of the API's endpoints with problem JSON."""
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        Problem: lambda request, problem: problem.response(),
        Http404: _not_found,
        AuthenticationError: _unauthenticated,
        HttpError: _http_error,
        ValidationError: _invalid,
        RequestDataTooBig: _too_large,
        UnreadablePostError: _broken_off,
        Exception: _unexpected,
    }
    for exception, handler in handlers.items():
        api.add_exception_handler(exception, handler)


class ProblemMiddleware:
    """Give problem JSON also where no endpoint was reached: a wrong address or method."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        status = response.status_code
        is_problem = response.headers.get("Content-Type", "") == MEDIA_TYPE
        if status < 400 or is_problem or not request.path.startswith(PROGRAMS):
            return response
        headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
        detail = DETAILS.get(status, f"{phrases.get(status, 'Error')}.")
        return Problem(status, detail, headers=headers).response()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Refuse what Django does before any view is asked, such as a host that is not ours.

    Programs get a problem, others a page: it needs static files, which who serves programs alone
    need not have.
    """
    if not request.path.startswith(PROGRAMS):
        return defaults.bad_request(request, exception)
    if isinstance(exception, DisallowedHost):
        return Problem(400, "The Host header names no host of this site.").response()
    return Problem(400, DETAILS[400]).response()


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    # Http404's own text may name models and primary keys: it is for the log, not for the world.
    return Problem(404, DETAILS[404]).response()


def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    detail = "Send a valid API key: Authorization: Bearer cck_…"
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"}).response()


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, Problem):  # of our parser, around which ninja puts its own
        return error.__cause__.response()
    return Problem(error.status_code, str(error)).response()


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [_readable(one) for one in error.errors]
    detail = "; ".join(f"{one['field'] or one['in']}: {one['detail']}" for one in errors)
    return Problem(400, f"{detail}.", errors=errors).response()


def _readable(error: Mapping[str, Any]) -> dict[str, str]:
    """Turn ninja's ``loc`` such as ``("body", "payload", "name")`` into a place and a field."""
    place, *path = (str(step) for step in error["loc"])
    if place == "body":
        path = path[1:]  # the name of the endpoint's parameter means nothing to the client
    detail = said(error).removeprefix("Value error, ").removesuffix(".")
    return {"in": place, "field": ".".join(path), "detail": detail}


def _too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    detail = f"The request's body is larger than {limit} bytes."
    return Problem(413, detail, max_bytes=limit).response()


def _broken_off(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
    return Problem(400, "The request's body broke off.").response()


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return Problem(500, DETAILS[500]).response()
