"""Read all that a request brings, up to a limit; in chunks too, of which Django reads none."""

from collections.abc import Callable
from contextlib import suppress

from django.http import HttpRequest, UnreadablePostError
from gunicorn.http.errors import ParseException

PIECE = 2**16  # bytes
READ_ON = 10  # times the limit


class BodyTooLarge(Exception):
    def __init__(self, at_most: int) -> None:
        super().__init__(f"The request's body is larger than {at_most} bytes")


class BodyIsCoded(Exception):
    """A body in a content coding, such as gzip: none is read, for a few bytes can be very many."""

    def __init__(self, coding: str) -> None:
        super().__init__(f"The body's Content-Encoding is {coding!r}: send it as it is")


def read(request: HttpRequest, *, at_most: int) -> bytes:
    """Return the body. Raises BodyIsCoded, BodyTooLarge, and UnreadablePostError where it ends
    too early.

    What is too large is read on and dropped, up to a bound: who is still sending when the
    connection is closed does not get to see the answer.
    """
    coding = request.headers.get("content-encoding", "").strip()
    if coding.lower() not in ("", "identity"):
        raise BodyIsCoded(coding)
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        take = request.META["wsgi.input"].read
        try:
            body: bytes = take(at_most + 1)
        except (OSError, ParseException) as error:  # cut, or chunks that are none
            raise UnreadablePostError(*error.args) from error
        if len(body) <= at_most:
            return body
    else:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) <= at_most:
            return request.body
        take = request.read
    if "expect" not in request.headers:  # else it waits for a word before it sends
        _drop(take, READ_ON * at_most)
    raise BodyTooLarge(at_most)


def _drop(take: Callable[[int], bytes], size: int) -> None:
    with suppress(OSError, ParseException):
        while size > 0 and (piece := take(PIECE)):
            size -= len(piece)
