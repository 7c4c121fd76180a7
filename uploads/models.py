"""What the endpoints read of uploads and files. Written with the events, in one transaction."""

from typing import Any, Self
from uuid import UUID

import pgtrigger
from django.db import models
from django.db.models import F, Q

from catacloud.accounts.models import Organisation
from eventstore.sealing import ERASED
from uploads.file import GONE, MAX_NAME, Kind, Status

# Plain strings, so that migrations do not refer to classes that may move.
LIVE = [Status.OPEN.value, Status.COMPLETE.value]


class UploadedFileQuerySet(models.QuerySet["UploadedFile"]):
    def of(self, organisation: Organisation) -> Self:
        """Return the organisation's files, without those that are gone, the newest first.

        Partial uploads are no files: they become part of one.
        """
        return (
            self.filter(organisation=organisation)
            .exclude(status__in=GONE)
            .exclude(kind=Kind.PARTIAL)
            .order_by("-started_at", "-id")
        )

    def older_than(self, file: "UploadedFile") -> Self:
        """Return the files behind ``file`` in the order of :meth:`of`."""
        return self.filter(
            Q(started_at__lt=file.started_at) | Q(started_at=file.started_at, id__lt=file.id)
        )


class UploadedFile(models.Model):
    """An upload as its events made it, and the file that it became.

    ``size`` is in bytes, and None until the upload is complete; ``length`` is None until it is
    declared. ``epoch`` is that of the request that may store the next bytes: a newcomer raises it.
    """

    pk = models.CompositePrimaryKey("organisation_id", "id")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    id = models.UUIDField()
    kind = models.CharField(
        max_length=10,
        choices=[(kind.value, kind.value) for kind in Kind],
        default=Kind.PLAIN.value,
        db_default=Kind.PLAIN.value,
    )
    name = models.CharField(max_length=MAX_NAME)
    content_type = models.CharField(max_length=MAX_NAME)
    status = models.CharField(
        max_length=10, choices=[(status.value, status.value) for status in Status if status]
    )
    length = models.BigIntegerField(null=True)
    offset = models.BigIntegerField(default=0, db_default=0)  # bytes that are stored
    size = models.BigIntegerField(null=True)
    epoch = models.IntegerField(default=0, db_default=0)
    # As they were sent, for a client that asks.
    metadata = models.TextField(default="", db_default="")
    concat = models.TextField(default="", db_default="")
    fingerprint = models.BinaryField(null=True)  # of a final's parts and metadata
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    # Since when nobody needs its bytes; None once more when their space is given back.
    freed_at = models.DateTimeField(null=True)

    objects = UploadedFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(completed_at__isnull=True, size__isnull=True)
                | Q(completed_at__isnull=False, size__isnull=False),
                name="a_complete_file_has_a_size",
            ),
            models.CheckConstraint(
                condition=Q(length__isnull=True) | Q(length__gte=F("offset")),
                name="an_upload_is_no_longer_than_its_length",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.COMPLETE.value) | Q(size=F("offset")),
                name="a_complete_file_has_all_its_bytes",
            ),
            models.UniqueConstraint(
                fields=["organisation", "fingerprint"],
                condition=Q(status__in=LIVE),
                name="one_file_of_the_same_parts",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-started_at", "-id"], name="file_newest_first"),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=LIVE, expires_at__isnull=False),
                name="file_to_expire",
            ),
            models.Index(
                fields=["freed_at"], condition=Q(freed_at__isnull=False), name="file_to_collect"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Segment(models.Model):
    """Bytes of an upload that are on disk, from ``start`` on: what one request brought, or a part.

    They never change. They are needed while their upload is, or any file that it is a part of.
    """

    pk = models.CompositePrimaryKey("organisation_id", "id")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    id = models.UUIDField()  # of the blob
    upload_id = models.UUIDField()
    start = models.BigIntegerField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "upload_id", "start"], name="one_segment_at_a_place"
            ),
            models.CheckConstraint(condition=Q(size__gt=0), name="a_segment_has_bytes"),
        ]
        indexes = [models.Index(fields=["id"], name="segment_of_a_blob")]  # for the collection
        triggers = [pgtrigger.Protect(name="segments_never_change", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.size} bytes of {self.upload_id} from {self.start}"


class FilePart(models.Model):
    """A line of a final's manifest: its bytes are those of partial uploads, in this order."""

    pk = models.CompositePrimaryKey("organisation_id", "file_id", "number")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    file_id = models.UUIDField()
    number = models.IntegerField()
    part_id = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["organisation", "part_id"], name="files_of_a_part")]
        triggers = [pgtrigger.Protect(name="manifests_never_change", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"part {self.number} of {self.file_id}"


class KeptBytes(models.Model):
    """How many bytes an organisation keeps, those of unfinished uploads included."""

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, primary_key=True)
    size = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=0), name="nobody_keeps_less_than_nothing")
        ]

    def __str__(self) -> str:
        return f"{self.size} bytes of {self.organisation_id}"


def find(organisation: Organisation, file_id: UUID) -> UploadedFile | None:
    """Return the organisation's file, unless it has none of this id or it is gone."""
    return UploadedFile.objects.of(organisation).filter(id=file_id).first()


def erase_names(*, tenant_id: UUID, **_: Any) -> None:
    """Receive the signal that a tenant's personal values are erased."""
    UploadedFile.objects.filter(organisation_id=tenant_id).update(name=ERASED, metadata="")
