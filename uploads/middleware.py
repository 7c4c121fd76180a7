"""Say the protocol's version in every answer, also in those that no endpoint makes."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from uploads.protocol import VERSION


class TusMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith("/files/"):
            response["Tus-Resumable"] = VERSION
        return response
