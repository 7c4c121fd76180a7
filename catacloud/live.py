"""Whether an open page shows what there is by now: the tag that it has, as an ETag.

A page that is open asks again and again with the tag of what it shows: see static/js/live.js. It
is a digest of what tells figures from those that were before, which costs one small query. It
changes within five minutes at the latest, for what is stored goes on to cost something while
nothing happens.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language

from catacloud.accounts.models import Organisation

RENEWED = 300  # seconds
SOON = 300  # milliseconds


def tag(request: HttpRequest, now: datetime, *stands: object) -> str:
    """Return the tag of what an address shows while something stands so."""
    said = [request.get_full_path(), get_language(), now.timestamp() // RENEWED, *stands]
    return f'"{hashlib.sha256(repr(said).encode()).hexdigest()[:32]}"'


def tag_of(request: HttpRequest, organisation: Organisation, stamp: str, now: datetime) -> str:
    """Return it for a page of an organisation, whose budget warns at its top."""
    one = organisation
    stands = one.time_zone, one.storage_quota, one.stopped_until, one.warned_until, one.warned_at
    return tag(request, now, *stands, stamp)


def nothing_new(
    request: HttpRequest, organisation: Organisation, now: datetime, stamp: Callable[[], str]
) -> HttpResponse | None:
    """Return the answer to an open page that shows what there is by now, else None.

    Only for one that asks is the stamp of what it shows read.
    """
    if not asks_again(request):
        return None
    known = tag_of(request, organisation, stamp(), now)
    return unchanged(known) if is_known(request, known) else None


def asks_again(request: HttpRequest) -> bool:
    """Say whether an open page asks, and not somebody who opens it."""
    return "HX-Request" in request.headers and "If-None-Match" in request.headers


def is_known(request: HttpRequest, tag: str) -> bool:
    """Say whether an open page that asks shows it already."""
    return asks_again(request) and request.headers["If-None-Match"] == tag


def unchanged(tag: str) -> HttpResponse:
    return HttpResponse(status=304, headers={"ETag": tag})


def asking_soon(response: HttpResponse, *, is_coming: bool) -> HttpResponse:
    """Let an open page ask again before its time, where something new is being made."""
    if is_coming:
        response["Ask-Again-After"] = f"{SOON}"
    return response
