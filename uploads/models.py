"""What lists and pages read of files. Written with the events, in one transaction."""

from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from catacloud.accounts.models import Organisation
from eventstore.sealing import ERASED
from uploads.file import MAX_NAME, Status


class UploadedFileQuerySet(models.QuerySet["UploadedFile"]):
    def of(self, organisation: Organisation) -> Self:
        """Return the organisation's files, without deleted ones, the newest first."""
        return (
            self.filter(organisation=organisation)
            .exclude(status=Status.DELETED)
            .order_by("-started_at", "-id")
        )

    def older_than(self, file: "UploadedFile") -> Self:
        """Return the files behind ``file`` in the order of :meth:`of`."""
        return self.filter(
            Q(started_at__lt=file.started_at) | Q(started_at=file.started_at, id__lt=file.id)
        )


class UploadedFile(models.Model):
    """A file as its events made it. ``size`` is in bytes, and None until the file is complete."""

    pk = models.CompositePrimaryKey("organisation_id", "id")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    id = models.UUIDField()
    name = models.CharField(max_length=MAX_NAME)
    content_type = models.CharField(max_length=MAX_NAME)
    size = models.BigIntegerField(null=True)
    status = models.CharField(
        max_length=10, choices=[(status.value, status.value) for status in Status if status]
    )
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    objects = UploadedFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(completed_at__isnull=True, size__isnull=True)
                | Q(completed_at__isnull=False, size__isnull=False),
                name="a_complete_file_has_a_size",
            )
        ]
        indexes = [
            models.Index(fields=["organisation", "-started_at", "-id"], name="file_newest_first")
        ]

    def __str__(self) -> str:
        return self.name


def find(organisation: Organisation, file_id: UUID) -> UploadedFile | None:
    """Return the organisation's file, unless it has none of this id or deleted it."""
    return UploadedFile.objects.of(organisation).filter(id=file_id).first()


def erase_names(*, tenant_id: UUID, **_: Any) -> None:
    """Receive the signal that a tenant's personal values are erased."""
    UploadedFile.objects.filter(organisation_id=tenant_id).update(name=ERASED)
