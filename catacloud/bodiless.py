"""Answers without a body: those to HEAD, and 204."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

PROGRAMS = ("/api/", "/lago/")  # elsewhere, views know HEAD themselves


class BodilessMiddleware:
    """Answer HEAD as GET, of which ninja knows nothing; say of no content no type."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_head = request.method == "HEAD" and request.path.startswith(PROGRAMS)
        if is_head:
            request.method = "GET"
        response = self.get_response(request)
        if is_head:
            request.method = "HEAD"
            _drop_body(response)
        if response.status_code == 204:
            del response.headers["Content-Type"]
        return response


def _drop_body(response: HttpResponseBase) -> None:
    """Leave the headers of an answer, its length among them."""
    if isinstance(response, HttpResponse):
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
    elif isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
