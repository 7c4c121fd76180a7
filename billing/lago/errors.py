"""Refusals in Lago's shape: ``{"status", "error", "code", "error_details"}``."""

import logging
from collections.abc import Callable, Mapping
from http.client import responses as phrases
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from catacloud.accounts.stopping import UsageStopped
from catacloud.storable import said

logger = logging.getLogger(__name__)

PREFIX = "/lago/"
INVALID = "validation_errors"
Details = Mapping[str, Any]


class LagoError(Exception):
    """Refuse a request. ``code`` names the kind of refusal, ``details`` what is wrong with what."""

    def __init__(
        self,
        status: int,
        *,
        code: str | None = None,
        details: Details | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        said = {"code": code, "error_details": details}
        self.status, self.headers = status, dict(headers or {})
        self.body = {"status": status, "error": phrases.get(status, "Error")}
        self.body |= {name: value for name, value in said.items() if value is not None}
        super().__init__(str(self.body))

    def response(self) -> HttpResponse:
        return JsonResponse(self.body, status=self.status, headers=self.headers)


def invalid(details: Details) -> LagoError:
    return LagoError(422, code=INVALID, details=details)


def unreadable(why: str) -> LagoError:
    return LagoError(400, code="bad_request", details={"base": [why]})


def not_found(what: str) -> LagoError:
    return LagoError(404, code=f"{what}_not_found")


def not_served(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer for everything of Lago's that is not here."""
    sentence = (
        f"{request.method} /{rest} is not served here: of Lago's API there are events and the "
        "current usage of customers."
    )
    return LagoError(501, code="not_implemented", details={"base": [sentence]}).response()


def register(api: NinjaAPI) -> None:
    """Answer every exception that leaves an endpoint in Lago's shape."""
    handlers: dict[type[Exception], Callable[[Any], LagoError]] = {
        LagoError: lambda error: error,
        Http404: lambda error: LagoError(404),
        AuthenticationError: lambda error: LagoError(401),
        UsageStopped: lambda error: LagoError(
            402, code="budget_used_up", details={"base": [str(error)]}
        ),
        ValidationError: _of_fields,
        UnreadablePostError: lambda error: unreadable("The request's body broke off."),
        RequestDataTooBig: lambda error: LagoError(413, code="request_too_large"),
        Exception: lambda error: LagoError(500),
    }
    for exception, handler in handlers.items():
        api.add_exception_handler(exception, _answering(handler))


def _answering(
    handler: Callable[[Any], LagoError],
) -> Callable[[HttpRequest, Any], HttpResponse]:
    def answer(request: HttpRequest, error: Exception) -> HttpResponse:
        refusal = handler(error)
        if refusal.status == 500:
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return refusal.response()

    return answer


def _of_fields(error: ValidationError) -> LagoError:
    details: dict[str, list[str]] = {}
    for one in error.errors:
        details.setdefault(str(one["loc"][-1]), []).append(said(one))
    return invalid(details)


class LagoErrorMiddleware:
    """Give Lago's shape also where no endpoint was reached: by a method that is not served."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_json = response.headers.get("Content-Type", "") == "application/json"
        if response.status_code < 400 or is_json or not request.path.startswith(PREFIX):
            return response
        headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
        return LagoError(response.status_code, headers=headers).response()
