"""The collection gives back what nobody needs, wherever it is broken off."""

import os
import time
from io import BytesIO

import pytest
from django.utils import timezone

from tests.factories import make_organisation
from tests.uploads.examples import HOUR, NOON, begin, final, partial, put
from uploads import blobs, collecting, creating, ending
from uploads.file import Kind, Status
from uploads.models import Segment, UploadedFile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme():
    return make_organisation("Acme")


class Killed(BaseException):
    """What ends a process, as far as a test in the same one can show it."""


def on_disk(blob_root):
    return {path.name for path in blob_root.rglob("*") if path.is_file()}


def needed():
    return {segment.hex for segment in Segment.objects.values_list("id", flat=True)}


def deleted_file(acme):
    file = final(acme, partial(acme, b"hello "), partial(acme, b"world"))
    ending.delete(organisation=acme, upload_id=file, now=NOON)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", ["blobs", "rows", "mark"])
def test_broken_off_anywhere_it_is_done_by_the_next(acme, blob_root, monkeypatch, place, when):
    kept = final(acme, partial(acme, b"to be kept"), metadata="name YQ==")
    deleted_file(acme)
    owner, name = {
        "blobs": (blobs, "remove"),
        "rows": (collecting, "_forget_segments"),
        "mark": (collecting, "_mark_collected"),
    }[place]
    do = getattr(owner, name)

    def killed(*arguments):
        if when == "after":
            do(*arguments)
        raise Killed

    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(Killed):
        collecting.collect(now=NOON)
    monkeypatch.undo()
    collecting.collect(now=NOON)
    assert on_disk(blob_root) == needed()
    assert len(needed()) == 1
    assert UploadedFile.objects.get(id=kept).status == Status.COMPLETE
    assert not UploadedFile.objects.filter(freed_at__isnull=False).exists()


def test_a_second_time_there_is_nothing_to_do(acme):
    deleted_file(acme)
    assert collecting.collect(now=NOON) == 2
    assert collecting.collect(now=NOON) == 0


def test_bytes_that_no_row_names_are_removed_once_nobody_writes_them(blob_root):
    blob = blobs.receive(BytesIO(b"lost"), at_most=4)
    assert blob is not None
    long_ago = time.time() - collecting.ORPHANED_AFTER.total_seconds() - 60
    os.utime(next(path for path in blob_root.rglob("*") if path.is_file()), (long_ago, long_ago))
    collecting.collect(now=timezone.now())
    assert on_disk(blob_root) == set()


def test_bytes_that_are_being_written_stay(blob_root):
    blob = blobs.receive(BytesIO(b"soon to be kept"), at_most=100)
    assert blob is not None
    collecting.collect(now=timezone.now())
    assert on_disk(blob_root) == {blob.id.hex}


def test_a_file_whose_last_part_was_stored_by_a_process_that_died_is_completed(acme, monkeypatch):
    part = begin(acme, kind=Kind.PARTIAL, length=5)
    file = final(acme, part)
    monkeypatch.setattr(creating, "finish_waiting", lambda **_: None)
    put(acme, part, b"hello")
    assert UploadedFile.objects.get(id=file).status == Status.OPEN
    collecting.collect(now=NOON)
    assert UploadedFile.objects.get(id=file).size == 5


def test_a_file_that_waits_for_parts_that_are_gone_expires_with_them(acme):
    part = begin(acme, kind=Kind.PARTIAL, length=5)
    file = final(acme, part)
    collecting.collect(now=NOON + 25 * HOUR)
    statuses = UploadedFile.objects.filter(id__in=[part, file]).values_list("status", flat=True)
    assert set(statuses) == {Status.EXPIRED}
