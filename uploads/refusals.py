"""What the upload endpoints refuse, as problem JSON with the right status."""

import logging
from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from catacloud.problems import DETAILS, Problem
from uploads.blobs import StoreFailed
from uploads.file import FileRefusal, NoSuchFile
from uploads.protocol import VERSION, Refusal
from uploads.quota import OverQuota
from uploads.receiving import Outrun

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]
REFUSED = (Problem, Http404, Refusal, OverQuota, Outrun, FileRefusal, StoreFailed)


def refusals_as_problems(view: View) -> View:
    """Answer what is refused with problem JSON."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except REFUSED as error:
            response = as_problem(error).response()
        if request.method == "HEAD":  # its answer has no body, whatever happens
            response.content = b""
        return response

    return guarded


def as_problem(error: Exception) -> Problem:
    """Return the problem that an error is. Raises it where it is none of the refusals."""
    match error:
        case Problem():
            return error
        case Refusal():
            headers = {"Tus-Version": VERSION} if error.status == 412 else {}
            return Problem(
                error.status, str(error), title=TITLES.get(error.status, ""), headers=headers
            )
        case StoreFailed():  # the client can only wait: whoever runs the store has to act
            logger.error("The store of uploaded bytes failed: %r", error.__cause__, exc_info=error)
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return Problem(status, DETAILS[404] if kind is Http404 else str(error))
    raise error


TITLES = {460: "Checksum Mismatch"}  # the protocol's own
STATUSES = {
    Http404: 404,
    NoSuchFile: 404,
    Outrun: 409,
    FileRefusal: 409,
    OverQuota: 413,
    StoreFailed: 503,
}
