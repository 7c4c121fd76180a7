"""Bytes on the local disk, under settings.BLOB_ROOT. Knows nothing of files and parts.

A blob is immutable and named by a random id, never by a client. Bytes arrive under ``incoming/``
and are renamed to their final name when all of them are on disk, so a final name is never half a
blob. A crash can leave two kinds of garbage: a file in ``incoming/``, and a blob that no event
names; neither is ever read.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID, uuid4

import msgspec
from django.conf import settings

CHUNK = 2**20  # bytes held in memory at a time


class Readable(Protocol):
    """Such as a request or an open file."""

    def read(self, size: int, /) -> bytes: ...


class Blob(msgspec.Struct, frozen=True):
    """Bytes that are on disk to stay. ``size`` in bytes, ``sha256`` in hexadecimal."""

    id: UUID
    size: int
    sha256: str


class ShortRead(Exception):
    """Fewer bytes came than were announced: the sender broke off. Nothing was kept."""

    def __init__(self, *, expected: int, received: int) -> None:
        super().__init__(f"Only {received} of {expected} bytes arrived.")
        self.expected, self.received = expected, received


def receive(content: Readable, *, length: int) -> Blob:
    """Write the next ``length`` bytes of ``content`` to disk, in chunks; they survive a power cut.

    Raises ShortRead, and OSError from the disk; then nothing is left behind.
    """
    blob_id = uuid4()
    temporary = _folder("incoming") / blob_id.hex
    try:
        with temporary.open("xb") as file:
            sha256 = _copy(content, file, length)
            file.flush()
            os.fsync(file.fileno())
        final = _path(blob_id)
        _folder(final.parent.name)
        temporary.rename(final)
        _sync_folder(final.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return Blob(blob_id, length, sha256)


def read(blob_ids: Iterable[UUID]) -> Iterator[bytes]:
    """Return the bytes of blobs one after the other, in chunks. Raises FileNotFoundError."""
    for blob_id in blob_ids:
        with _path(blob_id).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def remove(blob_ids: Iterable[UUID]) -> None:
    """Give the space of blobs back; those that are gone already do not matter."""
    for blob_id in blob_ids:
        _path(blob_id).unlink(missing_ok=True)


def _copy(content: Readable, file: BinaryIO, length: int) -> str:
    digest, received = hashlib.sha256(), 0
    while received < length:
        chunk = content.read(min(CHUNK, length - received))
        if not chunk:  # a connection that is closed early looks like the end of the body
            raise ShortRead(expected=length, received=received)
        file.write(chunk)
        digest.update(chunk)
        received += len(chunk)
    return digest.hexdigest()


def _path(blob_id: UUID) -> Path:
    return settings.BLOB_ROOT / blob_id.hex[:2] / blob_id.hex  # 256 folders


def _folder(name: str) -> Path:
    """Return a folder of the root, made to stay where it is missing."""
    folder: Path = settings.BLOB_ROOT / name
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)
    return folder


def _sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut: syncing a file does not sync its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
