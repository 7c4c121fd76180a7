"""Blobs on the local disk, under settings.BLOB_ROOT."""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from django.conf import settings

from uploads.incoming import CHUNK, Blob, Incoming, Readable

FAILURES: tuple[type[Exception], ...] = (OSError,)


def receive(source: Readable, *, at_most: int, seconds: float | None) -> Blob | None:
    incoming = Incoming(source, at_most=at_most, seconds=seconds)
    if not incoming:
        return None
    blob_id = uuid4()
    path = _path(blob_id)
    _make_folder(path.parent)
    try:
        with path.open("xb", buffering=0) as file:
            while chunk := incoming.read(CHUNK):
                _write_all(file, chunk)
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return incoming.blob(blob_id)


def read(blob_id: UUID, *, start: int, size: int) -> Iterator[bytes]:
    with _path(blob_id).open("rb", buffering=0) as file:
        file.seek(start)
        while size and (chunk := file.read(min(CHUNK, size))):
            yield chunk
            size -= len(chunk)


def open_whole(blob_id: UUID) -> BinaryIO:
    return _path(blob_id).open("rb")


def remove(blob_ids: Iterable[UUID]) -> None:
    for blob_id in blob_ids:
        _path(blob_id).unlink(missing_ok=True)


def written_before(moment: datetime) -> Iterator[UUID]:
    for path in settings.BLOB_ROOT.glob("??/*"):
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:  # removed while we looked
            continue
        if written < moment:
            yield UUID(path.name)


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
