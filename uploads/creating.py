"""Begin uploads, and make files of partial ones."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from catacloud.accounts.models import Organisation
from catacloud.accounts.stopping import refuse_stopped
from eventstore.store import TenantShredded
from uploads import manifests, quota, streams
from uploads.file import (
    GONE,
    Kind,
    NamesAreErased,
    NoSuchFile,
    Status,
    clean_content_type,
    clean_name,
)
from uploads.models import FilePart, UploadedFile
from uploads.protocol import Creation, Refusal, file_name, file_type


def create(
    *, organisation: Organisation, asked: Creation, now: datetime, actor: str | None = None
) -> UploadedFile:
    """Begin a plain or partial upload. Raises Refusal, OverQuota, NamesAreErased, UsageStopped.

    A budget that is used up stops what is new alone: what has begun can be brought to its end.
    """
    refuse_stopped(organisation, now=now)
    check_size(asked.length or 0)
    quota.check(organisation, asked.length or 0)
    with transaction.atomic():
        upload = _begin(organisation, asked, length=asked.length, now=now, actor=actor)
        if asked.length == 0:
            complete(upload, now=now, actor=actor)
    return upload


def create_final(
    *,
    organisation: Organisation,
    asked: Creation,
    parts: Sequence[UUID],
    now: datetime,
    actor: str | None = None,
) -> UploadedFile:
    """Make a file of partial uploads without copying a byte; the same one again is found.

    It is complete once they are. Raises Refusal, NoSuchFile and NamesAreErased.
    """
    fingerprint = _fingerprint(parts, asked.metadata)
    earlier = _of_the_same_parts(organisation, fingerprint)
    if earlier is not None:
        return _caught_up(earlier, now)
    try:
        with transaction.atomic():
            rows = _locked_parts(organisation, parts)
            lengths = [rows[part].length for part in parts]
            known = sum(length or 0 for length in lengths)
            check_size(known)
            length = None if None in lengths else known
            final = _begin(
                organisation,
                asked,
                length=length,
                parts=parts,
                fingerprint=fingerprint,
                now=now,
                actor=actor,
            )
            manifests.write(final, parts)
            if all(row.status == Status.COMPLETE for row in rows.values()):
                final.offset = known
                complete(final, now=now, actor=actor)
            return final
    except IntegrityError:  # another request has made the same one meanwhile
        earlier = _of_the_same_parts(organisation, fingerprint)
        if earlier is None:
            raise
        return earlier


def finish_waiting(*, organisation: Organisation, part: UUID, now: datetime) -> None:
    """Complete the files that waited for a partial upload. Crashed before, it is done later."""
    waiting = UploadedFile.objects.filter(
        organisation=organisation,
        kind=Kind.FINAL,
        status=Status.OPEN,
        id__in=FilePart.objects.filter(organisation=organisation, part_id=part).values("file_id"),
    )
    for final_id in waiting.values_list("id", flat=True):
        finish(organisation=organisation, final_id=final_id, now=now)


def finish(*, organisation: Organisation, final_id: UUID, now: datetime) -> bool:
    """Complete a file whose parts are complete; tell whether it is. It was, or it is gone: no."""
    with transaction.atomic():
        parts = manifests.parts_of(organisation, final_id)
        rows = manifests.lock(organisation, parts)
        final = UploadedFile.objects.select_for_update().get(pk=(organisation.id, final_id))
        ready = all(row.status == Status.COMPLETE for row in rows.values())
        if final.status != Status.OPEN or not ready:
            return False
        final.offset = sum(rows[part].offset for part in parts)
        # The lengths of its parts may have been declared since. It then waits until it expires.
        if final.offset > settings.MAX_UPLOAD_BYTES:
            return False
        complete(final, now=now, actor=None)
    return True


def complete(upload: UploadedFile, *, now: datetime, actor: str | None) -> None:
    """Make a file of an upload that has all its bytes; a partial one is only marked.

    Its ``offset`` is its size. The caller holds the rows of the upload and of its parts.
    """
    organisation, shared = upload.organisation, 0
    if upload.kind == Kind.FINAL:
        shared = upload.offset - sum(manifests.unshared(upload).values())
    if upload.kind != Kind.PARTIAL:
        size = upload.offset
        streams.execute(
            organisation,
            upload.id,
            lambda file: file.complete(size=size, shared=shared, now=now),
            actor,
        )
        upload.expires_at = None
    upload.status, upload.completed_at = Status.COMPLETE, now
    upload.length = upload.size = upload.offset
    upload.save()


def expires_at(now: datetime) -> datetime:
    return now + timedelta(hours=settings.UPLOAD_EXPIRES_HOURS)


def _begin(
    organisation: Organisation,
    asked: Creation,
    *,
    length: int | None,
    parts: Sequence[UUID] = (),
    fingerprint: bytes | None = None,
    now: datetime,
    actor: str | None,
) -> UploadedFile:
    name = clean_name(file_name(asked.values))
    content_type = clean_content_type(file_type(asked.values))
    upload = UploadedFile.objects.create(
        organisation=organisation,
        id=uuid4(),
        kind=asked.kind,
        name=name,
        content_type=content_type,
        status=Status.OPEN,
        length=length,
        metadata=asked.metadata,
        concat=asked.concat,
        fingerprint=fingerprint,
        started_at=now,
        expires_at=expires_at(now),
    )
    try:
        streams.execute(
            organisation,
            upload.id,
            lambda file: file.start(
                name=name,
                content_type=content_type,
                kind=asked.kind,
                length=length,
                metadata=asked.metadata,
                parts=parts,
                now=now,
            ),
            actor,
        )
    except TenantShredded as error:
        raise NamesAreErased(
            "The organisation's personal values were erased; it starts no more files."
        ) from error
    return upload


def _locked_parts(organisation: Organisation, parts: Sequence[UUID]) -> dict[UUID, UploadedFile]:
    """Lock the rows of a final's parts. Raises NoSuchFile and Refusal."""
    rows = manifests.lock(organisation, parts)
    for number, part in enumerate(parts, 1):
        if part not in rows or rows[part].status in GONE:
            raise NoSuchFile(f"Part {number} of the final upload does not exist.")
        if rows[part].kind != Kind.PARTIAL:
            raise Refusal(400, f"Part {number} of the final upload is no partial upload.")
    return rows


def _caught_up(final: UploadedFile, now: datetime) -> UploadedFile:
    """Complete a final that a crash left open after its last part; its client asks for it again."""
    if final.status == Status.OPEN:
        finish(organisation=final.organisation, final_id=final.id, now=now)
        final.refresh_from_db()
    return final


def _of_the_same_parts(organisation: Organisation, fingerprint: bytes) -> UploadedFile | None:
    same = UploadedFile.objects.filter(organisation=organisation, fingerprint=fingerprint)
    return same.exclude(status__in=GONE).first()


def _fingerprint(parts: Sequence[UUID], metadata: str) -> bytes:
    """Return what tells a final from others: its parts in order, and its metadata as sent."""
    said = hashlib.sha256(b"".join(part.bytes for part in parts))
    said.update(metadata.encode())
    return said.digest()


def check_size(length: int) -> None:
    """Raise Refusal for an upload that is too large."""
    limit = settings.MAX_UPLOAD_BYTES
    if length > limit:
        raise Refusal(413, f"An upload has at most {limit} bytes.")
