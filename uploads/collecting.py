"""Give back the space of bytes that nobody needs. It can crash anywhere and be run again.

What is not needed never is again: an upload that is gone does not come back. So a blob is removed
before its row is; a crash between the two leaves a row whose blob is gone, for the next collection.
"""

from datetime import datetime, timedelta
from itertools import islice

from django.db.models import QuerySet

from uploads import blobs, creating, ending
from uploads.file import Kind, Status
from uploads.models import LIVE, Segment, UploadedFile

BATCH = 500
# A blob is written before a row names it. Not even the slowest client, of whose bytes a chunk is
# written at a time, lets it rest for so long.
ORPHANED_AFTER = timedelta(days=1)


def collect(*, now: datetime) -> int:
    """Expire what is due, finish what a crash left undone; return how many blobs were removed."""
    _expire(now)
    _finish(now)
    return _remove_unneeded() + _remove_orphans(now)


def _expire(now: datetime) -> None:
    due = UploadedFile.objects.filter(status__in=LIVE, expires_at__lte=now).order_by("expires_at")
    for upload in due.select_related("organisation").iterator(BATCH):
        ending.expire(organisation=upload.organisation, upload_id=upload.id, now=now)


def _finish(now: datetime) -> None:
    """Complete files whose last part was stored just before its process died."""
    waiting = UploadedFile.objects.filter(kind=Kind.FINAL, status=Status.OPEN)
    for final in waiting.select_related("organisation").iterator(BATCH):
        creating.finish(organisation=final.organisation, final_id=final.id, now=now)


def _remove_unneeded() -> int:
    removed = 0
    for upload in UploadedFile.objects.filter(freed_at__isnull=False).iterator(BATCH):
        ids = list(_segments(upload).values_list("id", flat=True))
        blobs.remove(ids)
        _forget_segments(upload)
        _mark_collected(upload)
        removed += len(ids)
    return removed


def _forget_segments(upload: UploadedFile) -> None:
    _segments(upload).delete()


def _mark_collected(upload: UploadedFile) -> None:
    UploadedFile.objects.filter(pk=upload.pk).update(freed_at=None)


def _segments(upload: UploadedFile) -> QuerySet[Segment]:
    return Segment.objects.filter(organisation_id=upload.organisation_id, upload_id=upload.id)


def _remove_orphans(now: datetime) -> int:
    written, removed = blobs.written_before(now - ORPHANED_AFTER), 0
    while batch := set(islice(written, BATCH)):
        named = Segment.objects.filter(id__in=batch).values_list("id", flat=True)
        orphans = batch - set(named)
        blobs.remove(orphans)
        removed += len(orphans)
    return removed
