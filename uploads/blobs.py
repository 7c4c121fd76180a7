"""Bytes of segments, in the store that settings.BLOB_STORE names. Knows nothing of files.

A blob is immutable and named by a random id, never by a client. Its bytes go straight to their
place, and count once a row names them, which is only after they are safe. A blob that no row names
is what a crash left behind.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import BinaryIO, Protocol
from uuid import UUID

from django.conf import settings

from uploads import disk
from uploads.incoming import CHUNK as CHUNK
from uploads.incoming import Blob as Blob
from uploads.incoming import Readable as Readable


class StoreFailed(Exception):
    """The store takes no bytes: the disk is full, the bucket away. Its cause says which."""

    def __init__(self) -> None:
        super().__init__(
            "The bytes cannot be stored at the moment: ask for the offset with HEAD, and try again "
            "in a while."
        )


class Store(Protocol):
    """What a module has to offer to be a store. ``receive`` may raise ``FAILURES`` too."""

    FAILURES: tuple[type[Exception], ...]

    def receive(self, source: Readable, *, at_most: int, seconds: float | None) -> Blob | None: ...
    def read(self, blob_id: UUID, *, start: int, size: int) -> Iterator[bytes]: ...
    def open_whole(self, blob_id: UUID) -> BinaryIO | None: ...
    def remove(self, blob_ids: Iterable[UUID]) -> None: ...
    def written_before(self, moment: datetime) -> Iterator[UUID]: ...


def receive(source: Readable, *, at_most: int, seconds: float | None = None) -> Blob | None:
    """Store the next bytes of ``source``, so that they survive a power cut.

    With ``seconds`` those that come in about so long. None where nothing came. Raises StoreFailed,
    or the source's error; then nothing is left behind.
    """
    store = _store()
    try:
        return store.receive(source, at_most=at_most, seconds=seconds)
    except store.FAILURES as error:
        raise StoreFailed from error


def read(blob_id: UUID, *, start: int, size: int) -> Iterator[bytes]:
    """Return ``size`` bytes from ``start`` on, in chunks. Raises FileNotFoundError."""
    return _store().read(blob_id, start=start, size=size)


def open_whole(blob_id: UUID) -> BinaryIO | None:
    """Open a blob, for a server that can send files by itself; None where it is no local file.

    Raises FileNotFoundError.
    """
    return _store().open_whole(blob_id)


def remove(blob_ids: Iterable[UUID]) -> None:
    """Give the space of blobs back; those that are gone already do not matter."""
    _store().remove(blob_ids)


def written_before(moment: datetime) -> Iterator[UUID]:
    """Return blobs that nobody has written to since; a store may be slower to name them."""
    return _store().written_before(moment)


def _store() -> Store:
    if not settings.BLOB_STORE:
        return disk
    from uploads import objects  # boto3 is large, and an installation on disk does without

    return objects
