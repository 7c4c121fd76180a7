"""Bytes in both stores: on the local disk, and as objects of a bucket."""

import hashlib
import os
import tracemalloc
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from uploads import blobs, objects
from uploads.blobs import CHUNK

FUTURE = timedelta(seconds=5)


@pytest.fixture(params=["disk", "objects"], autouse=True)
def store(request):
    if request.param == "objects":
        request.getfixturevalue("bucket")
    return request.param


@pytest.fixture
def kept(store, request, blob_root):
    """Return the names of what is stored, also of what is half sent."""

    def on_disk():
        return [path.name for path in blob_root.rglob("*") if path.is_file()]

    def in_bucket():
        bucket = request.getfixturevalue("bucket")
        return [key.removeprefix("some/where/") for key in bucket.keys + bucket.half_sent]

    return on_disk if store == "disk" else in_bucket


@pytest.fixture
def only(store):
    """Skip the other store."""

    def only(name):
        if store != name:
            pytest.skip(f"This is of {name} alone.")

    return only


def receive(content, *, at_most=None):
    return blobs.receive(BytesIO(content), at_most=len(content) if at_most is None else at_most)


class Failing(BytesIO):
    """A source from which the request is taken away behind its first ``fails_at`` bytes."""

    def __init__(self, content, fails_at):
        super().__init__(content)
        self.fails_at = fails_at

    def read(self, size=-1, /):
        if self.tell() >= self.fails_at:
            raise RuntimeError("taken over")
        return super().read(size)


SIZES = [1, CHUNK - 1, CHUNK, 3 * CHUNK + 5, objects.PART, 2 * objects.PART + 5]


@pytest.mark.parametrize("size", SIZES)
def test_bytes_come_back_as_they_were(size):
    content = os.urandom(size)
    blob = receive(content)
    assert (blob.size, blob.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert b"".join(blobs.read(blob.id, start=0, size=size)) == content
    assert b"".join(blobs.read(blob.id, start=size // 2, size=1)) == content[size // 2 :][:1]


def test_what_is_beyond_the_limit_stays_in_the_source():
    source = BytesIO(b"hello world")
    blob = blobs.receive(source, at_most=5)
    assert blob is not None
    assert blob.size == 5
    assert source.read() == b" world"


def test_nothing_leaves_nothing_behind(kept):
    assert receive(b"", at_most=5) is None
    assert kept() == []


@pytest.mark.parametrize("fails_at", [0, CHUNK, objects.PART + CHUNK, 2 * objects.PART])
def test_a_source_that_fails_leaves_nothing_behind(kept, fails_at):
    with pytest.raises(RuntimeError, match="taken over"):
        blobs.receive(Failing(bytes(3 * objects.PART), fails_at), at_most=3 * objects.PART)
    assert kept() == []


@pytest.mark.parametrize("came", [5, CHUNK + 5, objects.PART + 5])
def test_of_a_source_that_is_cut_is_kept_what_came(came):
    content = os.urandom(came)
    blob = receive(content, at_most=5 * objects.PART)
    assert blob.size == came
    assert b"".join(blobs.read(blob.id, start=0, size=came)) == content


def test_a_range_comes_in_chunks_and_may_be_given_up():
    blob = receive(bytes(CHUNK) + b"hello" + bytes(CHUNK))
    chunks = blobs.read(blob.id, start=CHUNK - 1, size=CHUNK)
    assert b"".join(chunks) == b"\0hello" + bytes(CHUNK - 6)
    given_up = blobs.read(blob.id, start=0, size=2 * CHUNK)
    assert len(next(given_up)) == CHUNK
    del given_up


def test_removed_bytes_are_gone_and_need_not_have_been_there(kept):
    blob, other = receive(b"hello"), receive(b"world")
    blobs.remove([blob.id, blob.id])
    blobs.remove([blob.id])
    blobs.remove([])
    assert kept() == [other.id.hex]
    with pytest.raises(FileNotFoundError):
        b"".join(blobs.read(blob.id, start=0, size=5))


def test_what_was_written_long_ago_is_found(store):
    now = datetime.now(UTC) + (objects.GRACE if store == "objects" else timedelta())
    blob = receive(b"hello")
    assert list(blobs.written_before(now + FUTURE)) == [blob.id]
    assert list(blobs.written_before(now - FUTURE)) == []


def test_nobody_else_may_read_the_folder(only, blob_root):
    only("disk")
    receive(b"hello")
    assert {path.stat().st_mode & 0o077 for path in blob_root.iterdir()} == {0}


def test_memory_does_not_grow_with_the_bytes():
    class Endless:
        def read(self, size, /):
            return bytes(size)

    blobs.receive(Endless(), at_most=1)  # what is imported and connected once
    tracemalloc.start()
    try:
        blobs.receive(Endless(), at_most=8 * objects.PART)
        assert tracemalloc.get_traced_memory()[1] < 5 * objects.PART
    finally:
        tracemalloc.stop()


class TestABucket:
    @pytest.fixture(autouse=True)
    def _only_objects(self, only):
        only("objects")

    def test_may_hold_what_is_not_ours(self, bucket):
        for key in ("some/where/notes.txt", f"some/whereabouts/{'0' * 32}", "0" * 32):
            bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"x")
        assert list(blobs.written_before(datetime.now(UTC) + 2 * objects.GRACE)) == []

    def test_loses_what_a_crash_left_half_sent(self, bucket, monkeypatch):
        ours, not_ours = f"some/where/{'0' * 32}", "some/where/notes.txt"
        for key in (ours, not_ours):
            bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)
        with monkeypatch.context() as patch:  # of moto's, each was begun in 2010
            patch.setattr(objects, "GRACE", timedelta(days=365 * 100))
            assert list(blobs.written_before(datetime.now(UTC))) == []
        assert set(bucket.half_sent) == {ours, not_ours}
        assert list(blobs.written_before(datetime.now(UTC))) == []
        assert bucket.half_sent == [not_ours]

    def test_takes_no_longer_than_it_may_to_receive(self, monkeypatch):
        monkeypatch.setattr(objects, "LONGEST", -FUTURE)
        assert receive(b"hello") is None

    def test_that_fails_in_the_middle_keeps_nothing(self, bucket, monkeypatch):
        def fail(**_):
            raise OSError("away")

        monkeypatch.setattr(objects._client(), "upload_part", fail)
        with pytest.raises(OSError, match="away"):
            receive(bytes(2 * objects.PART))
        assert bucket.keys == bucket.half_sent == []

    @pytest.mark.parametrize(("code", "matters"), [("AccessDenied", True), ("NoSuchKey", False)])
    def test_says_what_it_did_not_delete(self, monkeypatch, code, matters):
        blob = receive(b"hello")
        answer = {"Errors": [{"Key": blob.id.hex, "Code": code}]}
        monkeypatch.setattr(objects._client(), "delete_objects", lambda **_: answer)
        with pytest.raises(OSError, match=code) if matters else nullcontext():
            blobs.remove([blob.id])
