"""The body of an upload request: read in chunks, and every byte that arrived is kept on a cut.

Django's ``request.body`` would hold all of it in memory, and drop it when the connection breaks.
"""

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

SILENCE = 1.0  # seconds without a byte, after which on_silence is called, and again each time


class Body:
    """What a request brings. ``read`` returns nothing at its end, and also where it broke off.

    ``length`` is None for a body in chunks of unknown number. ``complete`` says, once it has
    ``ended``, whether all of it came. ``on_silence`` may raise what ends the waiting for a client
    that says nothing; without that it ends after settings.UPLOAD_IDLE_SECONDS.

    With ``pauses``, ``read`` also returns nothing, once, where the client falls silent: what it has
    sent can be kept then, for nobody knows whether it goes on.
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
        self._left, self._broken, self.ended = self.length, False, False
        self.on_silence: Callable[[], None] = lambda: None
        self.pauses, self._pausing = False, False
        self._silent, self._patience = 0.0, SILENCE
        # gunicorn takes an interrupted chunk for the last: there the first silence is for too long.
        _limit(self._connection, settings.UPLOAD_IDLE_SECONDS if chunked else SILENCE)

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        # What is sent to the client may take its time. A body that was refused is read on by the
        # server, which must not wait for ever either.
        _limit(self._connection, None if self.complete else settings.UPLOAD_IDLE_SECONDS)

    @property
    def complete(self) -> bool:
        return not self._broken and not self._left

    def read(self, size: int, /) -> bytes:
        """Return the next bytes: fewer than ``size`` only at the end, at a cut, or at a pause."""
        if self._broken or self._pausing:
            self._pausing = False
            return b""
        try:
            data = self._patiently(size)
            self._silent = 0.0
            self.ended = len(data) < size
        except _Pause:
            data = self._arrived(size)
            self._pausing = bool(data)
        except OSError:  # reset by the other side, silent for too long, or chunks that are none
            self.ended = self._broken = True
            data = self._rest(size)
        if self._left is not None:
            self._left -= len(data)
        return data

    def _patiently(self, size: int) -> bytes:
        while True:
            try:
                return self._read(size)
            except OSError as error:
                # Django raises an error of its own from the socket's. Nothing of the body is lost.
                if not isinstance(error.__cause__ or error, TimeoutError) or not self._wait():
                    raise

    def _wait(self) -> bool:
        """Return whether more came in the time that a client may be silent. Raises _Pause."""
        if self._connection is None or self.length is None:
            return False
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while (silent := self._silent + SILENCE) < settings.UPLOAD_IDLE_SECONDS:
            self._silent = silent
            self.on_silence()
            if self.pauses and silent >= self._patience:
                self._patience *= 2  # who falters all the time has few
                raise _Pause
            if poll.poll(SILENCE * 1000):
                self._silent = 0.0
                return True
        return False

    def _arrived(self, size: int) -> bytes:
        """Return what there is of the next bytes; the server holds back what is less than a KiB."""
        _limit(self._connection, 0)
        came, step = b"", 1 << size.bit_length()
        while step >= 1024 and len(came) < size:
            try:
                more = self._read(min(step, size - len(came)))
            except OSError:
                step //= 2
                continue
            if not more:
                break
            came += more
        _limit(self._connection, SILENCE)
        return came

    def _rest(self, size: int) -> bytes:
        """Return what had arrived before the break: with the line shut, a read ends with that."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)
        try:
            return self._read(size)
        except OSError:
            return b""


class _Pause(Exception):
    """The client is silent, and what it has sent is better kept."""


def _limit(connection: Any, seconds: float | None) -> None:
    """Let reads fail that wait longer; other servers than gunicorn have limits of their own."""
    if connection is not None:
        with contextlib.suppress(OSError):  # closed already
            connection.settimeout(seconds)
