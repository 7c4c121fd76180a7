"""Delete uploads and files, and give up those that nobody went on with.

Bytes stop to count at once. Their space comes back with the next collection.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from catacloud.accounts.models import Organisation
from eventstore.store import NewEvent
from uploads import manifests, quota, streams
from uploads.file import GONE, File, Kind, NoSuchFile, Status
from uploads.models import UploadedFile


def delete(
    *, organisation: Organisation, upload_id: UUID, now: datetime, actor: str | None = None
) -> None:
    """Delete an upload or a file, and with a file the parts that no other has.

    Whoever is sending bytes to it meanwhile stores nothing more. Raises NoSuchFile.
    """
    with transaction.atomic():
        upload, parts = _locked(organisation, upload_id)
        if upload.status in GONE:
            raise NoSuchFile("The upload is gone already.")
        if upload.kind == Kind.FINAL and upload.status == Status.COMPLETE:
            freed = _delete_final(upload, parts, now, actor)
        else:
            freed = _delete_own(upload, now, actor)
        quota.subtract(organisation, freed)


def expire(*, organisation: Organisation, upload_id: UUID, now: datetime) -> bool:
    """Give an upload up whose time is over; tell whether it was."""
    with transaction.atomic():
        upload, _ = _locked(organisation, upload_id)
        if upload.status in GONE or upload.expires_at is None or upload.expires_at > now:
            return False
        kept_by_a_file = manifests.is_part_of_a_file(upload)

        def decide(file: File) -> list[NewEvent]:
            return file.expire(part_of_a_file=kept_by_a_file, now=now)

        streams.execute(organisation, upload_id, decide, None)
        _mark(upload, Status.EXPIRED, now, freed=not kept_by_a_file)
        quota.subtract(organisation, 0 if kept_by_a_file else upload.offset)
    return True


def _locked(
    organisation: Organisation, upload_id: UUID
) -> tuple[UploadedFile, dict[UUID, UploadedFile]]:
    """Lock an upload, after the parts that it may have. Raises NoSuchFile."""
    parts = manifests.lock(organisation, manifests.parts_of(organisation, upload_id))
    rows = UploadedFile.objects.select_for_update().filter(pk=(organisation.id, upload_id))
    upload = rows.first()
    if upload is None:
        raise NoSuchFile("There is no such upload.")
    return upload, parts


def _delete_own(upload: UploadedFile, now: datetime, actor: str | None) -> int:
    """Delete an upload with bytes of its own; return those that are kept no more."""
    kept_by_a_file = manifests.is_part_of_a_file(upload)

    def decide(file: File) -> list[NewEvent]:
        return file.delete(part_of_a_file=kept_by_a_file, now=now)

    streams.execute(upload.organisation, upload.id, decide, actor)
    _mark(upload, Status.DELETED, now, freed=not kept_by_a_file)
    return 0 if kept_by_a_file else upload.offset


def _delete_final(
    final: UploadedFile, parts: dict[UUID, UploadedFile], now: datetime, actor: str | None
) -> int:
    """Delete a file that is made of parts; return the bytes that are kept no more.

    Its parts go with it unless another file has them: nobody pays for them, so nobody keeps them.
    """
    freed = manifests.unshared(final)
    size = sum(freed.values())
    shared = final.offset - size

    def decide(file: File) -> list[NewEvent]:
        return file.delete(shared=shared, now=now)

    streams.execute(final.organisation, final.id, decide, actor)
    _mark(final, Status.DELETED, now, freed=False)
    for part in (parts[part] for part in freed):
        if part.status in GONE:
            part.freed_at = now
            part.save(update_fields=["freed_at"])
        else:
            _delete_part(part, now, actor)
    return size


def _delete_part(part: UploadedFile, now: datetime, actor: str | None) -> None:
    """Delete a part of a file that is being deleted: the file's event counts its bytes."""
    streams.execute(
        part.organisation, part.id, lambda file: file.delete(part_of_a_file=True, now=now), actor
    )
    _mark(part, Status.DELETED, now, freed=True)


def _mark(upload: UploadedFile, status: Status, now: datetime, *, freed: bool) -> None:
    """Mark an upload as gone. Its epoch moves on, so that no request stores to it any more."""
    upload.status, upload.deleted_at = status, now
    upload.freed_at = now if freed else None
    upload.epoch += 1
    upload.save(update_fields=["status", "deleted_at", "freed_at", "epoch"])
