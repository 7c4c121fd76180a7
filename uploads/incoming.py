"""Bytes on their way into a store, be it the disk or the object storage."""

import hashlib
import sys
import time
from typing import Protocol
from uuid import UUID

import msgspec

CHUNK = 2**17  # bytes that are asked of a source at a time


class Readable(Protocol):
    """Such as a body or an open file. It returns fewer bytes than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


class Blob(msgspec.Struct, frozen=True):
    """Bytes that are stored to stay. ``size`` in bytes, ``sha256`` in hexadecimal."""

    id: UUID
    size: int
    sha256: str


class Incoming:
    """The next bytes of a source, at most so many: counted and hashed as they are read.

    With ``seconds`` it ends after about so long, wherever the source is then.
    """

    def __init__(self, source: Readable, *, at_most: int, seconds: float | None = None) -> None:
        self._source, self._left = source, at_most
        self._until = None if seconds is None else time.monotonic() + seconds
        self._hash, self.size = hashlib.sha256(), 0
        self._first = self._next(CHUNK)

    def __bool__(self) -> bool:
        """Whether anything came, or comes."""
        return bool(self.size or self._first)

    def read(self, size: int = sys.maxsize, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end."""
        chunks: list[bytes] = []
        while size and (chunk := self._take(size)):
            chunks.append(chunk)
            size -= len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def blob(self, blob_id: UUID) -> Blob:
        """Return what was read."""
        return Blob(blob_id, self.size, self._hash.hexdigest())

    def _take(self, size: int) -> bytes:
        chunk, self._first = self._first[:size], self._first[size:]
        if not chunk:
            chunk = self._next(min(CHUNK, size))
        self._hash.update(chunk)
        self.size += len(chunk)
        return chunk

    def _next(self, size: int) -> bytes:
        if self._until is not None and time.monotonic() > self._until:
            return b""
        chunk = self._source.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk
