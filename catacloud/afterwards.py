"""Do what no client has to wait for once its answer has gone out."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

Deed = Callable[[], object]
_deeds: ContextVar[list[Deed] | None] = ContextVar("_deeds", default=None)


def afterwards(deed: Deed) -> None:
    """Do something after the answer to the present request; where there is none, at once.

    It must be what may be lost: a process that dies between the two never does it.
    """
    deeds = _deeds.get()
    if deeds is None:
        deed()
    else:
        deeds.append(deed)


class AfterwardsMiddleware:
    """Do it when the server closes the response, which it does when all of it was sent."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        deeds: list[Deed] = []
        token = _deeds.set(deeds)
        try:
            response = self.get_response(request)
        finally:
            _deeds.reset(token)
        if deeds:
            closers = response._resource_closers  # type: ignore[attr-defined]  # of Django's own
            closers.append(partial(_do, deeds))
        return response


def _do(deeds: list[Deed]) -> None:
    for deed in deeds:
        try:
            deed()
        except Exception:  # the answer is out, and the others' turn has to come
            logger.exception("What was to be done after an answer failed")
