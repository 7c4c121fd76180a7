"""What can be done with files: called by endpoints, the demo and tests alike.

Bytes are on disk before anything is locked. What a transaction leaves without an owner (the
bytes of a replaced part, of a part that was there already, of a deleted file) is removed after its
commit; a crash in between leaves garbage, never a hole.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from catacloud.accounts.models import Organisation
from eventstore import repository
from eventstore.events import Metadata
from eventstore.repository import Decide
from eventstore.store import NewEvent, TenantShredded
from uploads import blobs
from uploads.blobs import Readable
from uploads.file import File, FileRefusal, NamesAreErased, Part, Status
from uploads.models import UploadedFile, find


def start_file(
    *,
    organisation: Organisation,
    name: str,
    content_type: str = "application/octet-stream",
    now: datetime,
    actor: str | None = None,
) -> UUID:
    """Begin a file and return its id. Raises Invalid and NamesAreErased."""
    file_id = uuid4()
    with transaction.atomic():
        try:
            _execute(
                organisation,
                file_id,
                lambda file: file.start(name=name, content_type=content_type, now=now),
                actor,
            )
        except TenantShredded as error:
            raise NamesAreErased(
                "The organisation's personal values were erased; it starts no more files."
            ) from error
        UploadedFile.objects.create(
            organisation=organisation,
            id=file_id,
            name=name,
            content_type=content_type,
            status=Status.OPEN,
            started_at=now,
        )
    return file_id


def store_part(
    *,
    organisation: Organisation,
    file_id: UUID,
    number: int,
    content: Readable,
    length: int,
    now: datetime,
    actor: str | None = None,
) -> Part:
    """Store the next ``length`` bytes of ``content`` as a part; return what now stands there.

    Raises Invalid, NoSuchFile, FileIsComplete and ShortRead; then nothing is kept.
    """
    row = find(organisation, file_id)
    # Before the bytes come, so that a refused client need not send them. It decides nothing: the
    # file may be completed meanwhile, and is asked again under the lock.
    File(status=Status(row.status) if row else Status.NONE).check_part(number)
    blob = blobs.receive(content, length=length)
    part = Part(blob.id, blob.size, blob.sha256)
    replaced: list[Part] = []

    def decide(file: File) -> list[NewEvent]:
        events = file.store_part(number=number, part=part, now=now)
        replaced.extend([file.parts[number]] if number in file.parts else [])
        return events

    try:
        file = _execute(organisation, file_id, decide, actor)
    except FileRefusal:
        # Only here is it sure that no event names the blob. After a connection that broke at the
        # commit nobody knows, and garbage is better than a part without its bytes.
        blobs.remove([blob.id])
        raise
    kept = file.parts[number]
    _remove_after_commit({blob.id, *(one.blob for one in replaced)} - {kept.blob})
    return kept


def complete_file(
    *,
    organisation: Organisation,
    file_id: UUID,
    now: datetime,
    parts: int | None = None,
    size: int | None = None,
    actor: str | None = None,
) -> int:
    """Make one file of the parts and return its size in bytes; again gives the same.

    ``parts`` (a count) and ``size`` (bytes) are compared where given. Raises NoSuchFile,
    PartsMissing and NotWhatWasExpected.
    """
    with transaction.atomic():
        file = _execute(
            organisation,
            file_id,
            lambda file: file.complete(parts=parts, size=size, now=now),
            actor,
        )
        UploadedFile.objects.filter(pk=(organisation.id, file_id), status=Status.OPEN).update(
            status=Status.COMPLETE, size=file.size, completed_at=now
        )
    return file.size


def delete_file(
    *, organisation: Organisation, file_id: UUID, now: datetime, actor: str | None = None
) -> None:
    """Delete a file, complete or not; again changes nothing. Raises NoSuchFile."""
    freed: list[UUID] = []

    def decide(file: File) -> list[NewEvent]:
        freed.extend(file.blobs)
        return file.delete(now=now)

    with transaction.atomic():
        _execute(organisation, file_id, decide, actor)
        UploadedFile.objects.filter(pk=(organisation.id, file_id), deleted_at=None).update(
            status=Status.DELETED, deleted_at=now
        )
        _remove_after_commit(freed)


def load_file(*, organisation: Organisation, file_id: UUID) -> File:
    """Return a complete file, to read its blobs. Raises NoSuchFile and FileIsIncomplete."""
    file = repository.load(File, tenant_id=organisation.id, stream_id=file_id).state
    file.check_readable()
    return file


def _execute(
    organisation: Organisation, file_id: UUID, decide: Decide[File], actor: str | None
) -> File:
    return repository.execute(
        File,
        tenant_id=organisation.id,
        stream_id=file_id,
        decide=decide,
        metadata=Metadata(actor=actor),
    ).state


def _remove_after_commit(blob_ids: Iterable[UUID]) -> None:
    freed = list(blob_ids)

    def remove() -> None:  # a function, for Django logs its name where it fails
        blobs.remove(freed)

    # Robust: the events stand, so a disk that will not delete must not fail the writer.
    transaction.on_commit(remove, robust=True)
