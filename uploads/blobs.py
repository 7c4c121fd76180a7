"""Bytes of segments on the local disk, under settings.BLOB_ROOT. Knows nothing of files.

A blob is immutable and named by a random id, never by a client. Its bytes go straight to their
place, and count once a row names them, which is only after they survive a power cut. A blob that no
row names is what a crash left behind.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID, uuid4

import msgspec
from django.conf import settings

CHUNK = 2**18  # bytes held in memory at a time


class Readable(Protocol):
    """Such as a body or an open file. It returns fewer bytes than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


class Blob(msgspec.Struct, frozen=True):
    """Bytes that are on disk to stay. ``size`` in bytes, ``sha256`` in hexadecimal."""

    id: UUID
    size: int
    sha256: str


def receive(source: Readable, *, at_most: int) -> Blob | None:
    """Write the next bytes of ``source`` to disk, so that they survive a power cut.

    None where nothing came. Raises OSError from the disk; then nothing is left behind.
    """
    first = source.read(min(CHUNK, at_most))
    if not first:
        return None
    blob_id = uuid4()
    path = _path(blob_id)
    _make_folder(path.parent)
    try:
        with path.open("xb", buffering=0) as file:
            size, sha256 = _copy(first, source, file, at_most)
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Blob(blob_id, size, sha256)


def read(blob_id: UUID, *, start: int, size: int) -> Iterator[bytes]:
    """Return ``size`` bytes from ``start`` on, in chunks. Raises FileNotFoundError."""
    with _path(blob_id).open("rb", buffering=0) as file:
        file.seek(start)
        while size and (chunk := file.read(min(CHUNK, size))):
            yield chunk
            size -= len(chunk)


def open_whole(blob_id: UUID) -> BinaryIO:
    """Open a blob, for a server that can send files by itself. Raises FileNotFoundError."""
    return _path(blob_id).open("rb")


def remove(blob_ids: Iterable[UUID]) -> None:
    """Give the space of blobs back; those that are gone already do not matter."""
    for blob_id in blob_ids:
        _path(blob_id).unlink(missing_ok=True)


def written_before(moment: datetime) -> Iterator[UUID]:
    """Return the blobs that nobody has written to since."""
    for path in settings.BLOB_ROOT.glob("??/*"):
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:  # removed while we looked
            continue
        if written < moment:
            yield UUID(path.name)


def _copy(first: bytes, source: Readable, file: BinaryIO, at_most: int) -> tuple[int, str]:
    digest, size, chunk = hashlib.sha256(), 0, first
    while chunk:
        _write_all(file, chunk)
        digest.update(chunk)
        size += len(chunk)
        chunk = source.read(min(CHUNK, at_most - size)) if size < at_most else b""
    return size, digest.hexdigest()


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _path(blob_id: UUID) -> Path:
    return settings.BLOB_ROOT / blob_id.hex[:2] / blob_id.hex  # 256 folders


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut: syncing a file does not sync its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
