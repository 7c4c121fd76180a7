"""The tables of usage, which the metrics saga writes, and nobody else."""

from django.db import models
from django.db.models.functions import MD5, Cast

from billing.metering import changed, level_months, platform_changed
from billing.metering.models import Definition, Service
from catacloud.accounts.models import Organisation

# An index holds no row of more than 2,700 bytes, and twenty values of dimensions can be longer.
GROUPS_KEY = Cast(MD5(Cast("groups", models.TextField())), models.UUIDField())
GROUPS_KEY_SQL = "(md5(groups::text)::uuid)"


class DimensionValue(models.Model):
    """A value of a dimension that an organisation's usage is told apart by: see groups.py."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT)
    name = models.SlugField()
    value = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "definition", "name", "value"],
                name="dimension_value_is_known_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


class VoidedEvent(models.Model):
    """A usage event that a later one took back: it stays, and counts no more."""

    pk = models.CompositePrimaryKey("organisation_id", "stream_id", "event_id")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    stream_id = models.UUIDField()
    event_id = models.UUIDField()
    voided_at = models.DateTimeField()
    reason = models.TextField()

    def __str__(self) -> str:
        return f"{self.event_id}: {self.reason}"


class Sums(models.Model):
    """What events add up to, in a table that grows with usage: see fold.py."""

    quantity = models.DecimalField(max_digits=60, decimal_places=12)
    area = models.DecimalField(max_digits=60, decimal_places=12)
    event_count = models.BigIntegerField()

    class Meta:
        abstract = True


class HourlyUsage(Sums):
    """What one organisation used of one service in one hour (UTC), by its dimensions.

    Sums as of :class:`DailyUsage`; ``area`` runs to the hour's end. Of a service whose figures are
    no sums, ``quantity`` and ``high`` are as in slots.py, and ``last_at`` is when the newest event
    was. A row that all events were taken out of is deleted.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, db_index=False)
    hour = models.DateTimeField()
    groups = models.JSONField()  # value by the dimension's name
    high = models.DecimalField(max_digits=60, decimal_places=12, null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organisation",
                "service",
                "hour",
                GROUPS_KEY,
                name="one_row_per_organisation_service_hour_groups",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.service_id} {self.hour}"


class PeakHour(models.Model):
    """What a peak's level did in an hour, whatever the groups: theirs need not be at one moment."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, db_index=False)
    hour = models.DateTimeField()
    quantity = models.DecimalField(max_digits=60, decimal_places=12)
    high = models.DecimalField(max_digits=60, decimal_places=12)
    event_count = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "service", "hour"], name="one_peak_per_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.service_id} {self.hour}"


class UniqueValue(models.Model):
    """A value that a unique count had in an hour and a group. A long one stands as its digest."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, db_index=False)
    hour = models.DateTimeField()
    groups = models.JSONField()
    value = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organisation",
                "service",
                "hour",
                GROUPS_KEY,
                "value",
                name="a_value_is_unique_in_its_hour",
            )
        ]

    def __str__(self) -> str:
        return f"{self.value} in {self.hour}"


class DailyUsage(Sums):
    """What one organisation used of one service on one day (UTC), whatever the dimensions.

    ``quantity`` is the sum of the quantities of the day's events: the use of a counter, the change
    of a level. ``area`` is the sum, over a level's changes, of change × microseconds to the day's
    end; so integral(day) = level at its start × 86 400 000 000 + area. Where figures are no sums,
    ``quantity`` and ``high`` are as in slots.py.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, db_index=False)
    day = models.DateField()
    high = models.DecimalField(max_digits=60, decimal_places=12, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "service", "day"],
                name="one_row_per_organisation_service_day",
            )
        ]
        # The operator's overview reads a service's days of all organisations.
        indexes = [models.Index(fields=["service", "day"], name="dailyusage_service_day")]
        triggers = [*changed.NOTED, *level_months.KEPT]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.service} on {self.day}"


class PlatformUsage(Sums):
    """What all organisations of a partition used of one service on one day (UTC): their figures
    added up, also those that are no sums by themselves.

    By partition, so that workers of different partitions never wait for each other.
    """

    partition = models.SmallIntegerField()
    service = models.ForeignKey(Service, on_delete=models.PROTECT, db_index=False)
    day = models.DateField()
    high = models.DecimalField(max_digits=60, decimal_places=12, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "day", "partition"], name="one_row_per_service_day_partition"
            )
        ]
        triggers = platform_changed.NOTED

    def __str__(self) -> str:
        return f"{self.partition} {self.service_id} {self.day}"
