"""The body of an upload request: read in chunks, and every byte that arrived is kept on a cut.

Django's ``request.body`` would hold all of it in memory, and drop it when the connection breaks.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest


class Body:
    """What a request brings. ``read`` returns nothing at its end, and also where it broke off.

    ``length`` is None for a body in chunks of unknown number. ``complete`` says, once ``read`` has
    returned nothing, whether all of it came.
    """

    def __init__(self, request: HttpRequest) -> None:
        given = request.META.get("CONTENT_LENGTH") or ""
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        self.length = None if chunked else int(given) if given.isdecimal() else 0
        # Of a body without a length, Django's own reader returns nothing.
        self._read: Callable[[int], bytes] = (
            request.environ["wsgi.input"].read if chunked else request.read  # type: ignore[attr-defined]
        )
        self._connection = request.META.get("gunicorn.socket")
        self._left, self._broken = self.length, False
        _limit(self._connection, settings.UPLOAD_IDLE_SECONDS)

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        # What is sent to the client may take its time. A body that was refused is read on by the
        # server, which must not wait for ever either.
        if self.complete:
            _limit(self._connection, None)

    @property
    def complete(self) -> bool:
        return not self._broken and not self._left

    def read(self, size: int, /) -> bytes:
        """Return the next bytes: fewer than ``size`` only at the end, or at a cut."""
        if self._broken:
            return b""
        try:
            data = self._read(size)
        except OSError:  # reset by the other side, silent for too long, or chunks that are none
            self._broken = True
            data = self._rest(size)
        if self._left is not None:
            self._left -= len(data)
        return data

    def _rest(self, size: int) -> bytes:
        """Return what had arrived before the break: with the line shut, a read ends with that."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)
        try:
            return self._read(size)
        except OSError:
            return b""


def _limit(connection: Any, seconds: float | None) -> None:
    """Let reads fail that wait longer; other servers than gunicorn have limits of their own."""
    if connection is not None:
        with contextlib.suppress(OSError):  # closed already
            connection.settimeout(seconds)
