import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from uploads import blobs
from uploads.blobs import CHUNK, ShortRead


def on_disk(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


class Chunks:
    """A stream that remembers how much was asked for at once, and breaks off if it is told to."""

    def __init__(self, content: bytes, *, error: Exception | None = None) -> None:
        self.stream, self.error, self.asked = BytesIO(content), error, list[int]()

    def read(self, size: int, /) -> bytes:
        self.asked.append(size)
        chunk = self.stream.read(size)
        if not chunk and self.error:
            raise self.error
        return chunk


class TestReceive:
    @pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK + 5])
    def test_keeps_the_bytes_and_knows_them(self, size):
        content = os.urandom(size)
        blob = blobs.receive(BytesIO(content), length=size)
        assert (blob.size, blob.sha256) == (size, sha256(content).hexdigest())
        assert b"".join(blobs.read([blob.id])) == content

    def test_holds_one_chunk_at_a_time(self):
        stream = Chunks(bytes(3 * CHUNK))
        blobs.receive(stream, length=3 * CHUNK)
        assert max(stream.asked) == CHUNK

    def test_reads_no_further_than_was_announced(self):
        stream = BytesIO(b"part one, and the next request")
        blob = blobs.receive(stream, length=8)
        assert b"".join(blobs.read([blob.id])) == b"part one"
        assert stream.read() == b", and the next request"

    def test_of_fewer_bytes_than_announced_leaves_nothing(self, blob_root):
        with pytest.raises(ShortRead, match="Only 3 of 5 bytes"):
            blobs.receive(BytesIO(b"abc"), length=5)
        assert on_disk(blob_root) == []

    def test_of_a_stream_that_fails_leaves_nothing(self, blob_root):
        with pytest.raises(ConnectionResetError):
            blobs.receive(Chunks(b"abc", error=ConnectionResetError()), length=5)
        assert on_disk(blob_root) == []

    def test_has_all_bytes_on_disk_before_the_final_name(self, blob_root, monkeypatch):
        steps = []
        fsync, rename = os.fsync, Path.rename

        def record_fsync(descriptor):
            steps.append(("fsync", os.fstat(descriptor).st_ino))
            fsync(descriptor)

        def record_rename(path, target):
            steps.append(("rename", path.stat().st_ino))
            return rename(path, target)

        monkeypatch.setattr(os, "fsync", record_fsync)
        monkeypatch.setattr(Path, "rename", record_rename)
        blob = blobs.receive(BytesIO(b"abc"), length=3)

        final = blob_root / blob.id.hex[:2] / blob.id.hex
        content, folder = final.stat().st_ino, final.parent.stat().st_ino
        assert steps[-2:] == [("rename", content), ("fsync", folder)]
        assert ("fsync", content) in steps[:-2]

    def test_that_stops_before_the_rename_leaves_no_final_name(self, blob_root, monkeypatch):
        def crash(path, target):
            raise OSError("The power is gone.")

        monkeypatch.setattr(Path, "rename", crash)
        with pytest.raises(OSError, match="power"):
            blobs.receive(BytesIO(b"abc"), length=3)
        assert on_disk(blob_root) == []


def test_read_joins_blobs_in_the_order_given():
    one, two = (blobs.receive(BytesIO(text), length=3) for text in (b"one", b"two"))
    assert b"".join(blobs.read([two.id, one.id, two.id])) == b"twoonetwo"


def test_remove_does_not_mind_what_is_gone(blob_root):
    blob = blobs.receive(BytesIO(b"abc"), length=3)
    blobs.remove([blob.id, uuid4()])
    blobs.remove([blob.id])
    assert on_disk(blob_root) == []
