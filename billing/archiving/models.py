"""The manifest of archives: which raw usage is in which file, and the digests of both."""

from django.db import models
from django.db.models import F, Q

from billing.archiving import triggers
from catacloud.accounts.models import Organisation


class UsageArchive(models.Model):
    """A Parquet file with raw usage events of an organisation that happened in one month.

    ``sha256`` is of the file; ``rows_sha256`` of its events, each with that of those before it, as
    the event store makes it. Positions rise from file to file of a month. Once payloads are dropped
    from its events, where that saves room, ``record`` is the event store's record of that.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    month = models.DateField(help_text="Its first day.")
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    event_count = models.BigIntegerField()
    name = models.CharField(max_length=300, unique=True)
    size = models.BigIntegerField(help_text="Of the file, in bytes.")
    sha256 = models.CharField(max_length=64)
    rows_sha256 = models.CharField(max_length=64)
    written_at = models.DateTimeField()
    record = models.BigIntegerField(null=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["organisation", "month", "first_position"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "month", "first_position"], name="an_event_is_archived_once"
            ),
            models.CheckConstraint(
                condition=Q(event_count__gt=0, last_position__gte=F("first_position")),
                name="an_archive_has_events",
            ),
            models.CheckConstraint(
                condition=Q(record__isnull=True) | Q(dropped_at__isnull=False),
                name="what_is_on_record_is_dropped",
            ),
        ]
        triggers = [triggers.ARCHIVES_ARE_ONLY_DROPPED]

    def __str__(self) -> str:
        return self.name
