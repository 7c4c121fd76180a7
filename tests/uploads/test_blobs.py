"""Bytes on the local disk."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from uploads import blobs
from uploads.blobs import CHUNK

FUTURE = timedelta(seconds=5)


def receive(content, *, at_most=None):
    return blobs.receive(BytesIO(content), at_most=len(content) if at_most is None else at_most)


def files(blob_root):
    return [path for path in blob_root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, 3 * CHUNK + 5])
def test_bytes_come_back_as_they_were(size):
    content = os.urandom(size)
    blob = receive(content)
    assert (blob.size, blob.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert b"".join(blobs.read(blob.id, start=0, size=size)) == content
    assert b"".join(blobs.read(blob.id, start=size // 2, size=1)) == content[size // 2 :][:1]


def test_what_is_beyond_the_limit_stays_in_the_source(blob_root):
    source = BytesIO(b"hello world")
    blob = blobs.receive(source, at_most=5)
    assert blob is not None
    assert blob.size == 5
    assert source.read() == b" world"


def test_nothing_leaves_nothing_behind(blob_root):
    assert receive(b"", at_most=5) is None
    assert files(blob_root) == []


def test_a_source_that_fails_leaves_nothing_behind(blob_root):
    class Failing(BytesIO):
        def read(self, size=-1, /):
            if self.tell():
                raise RuntimeError("taken over")
            return super().read(size)

    with pytest.raises(RuntimeError):
        blobs.receive(Failing(b"x" * CHUNK * 2), at_most=CHUNK * 2)
    assert files(blob_root) == []


def test_removed_bytes_are_gone_and_need_not_have_been_there(blob_root):
    blob = receive(b"hello")
    blobs.remove([blob.id, blob.id])
    assert files(blob_root) == []


def test_what_was_written_long_ago_is_found():
    now = datetime.now(UTC)
    blob = receive(b"hello")
    assert list(blobs.written_before(now + FUTURE)) == [blob.id]
    assert list(blobs.written_before(now - FUTURE)) == []


def test_nobody_else_may_read_the_folder(blob_root):
    receive(b"hello")
    assert {path.stat().st_mode & 0o077 for path in blob_root.iterdir()} == {0}
