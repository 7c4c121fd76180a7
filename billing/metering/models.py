"""What can be metered, how its events are read, and the tables that the metrics saga writes."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5, Cast
from django.utils import timezone

from billing.metering import backlog, changed, level_months, triggers
from catacloud.accounts.models import Organisation

PATH = RegexValidator(
    r"^[^.\s]+(\.[^.\s]+)*\Z", "Name the field in the event's data, such as bytes or usage.bytes."
)


# An index holds no row of more than 2,700 bytes, and twenty values of dimensions can be longer.
GROUPS_KEY = Cast(MD5(Cast("groups", models.TextField())), models.UUIDField())
GROUPS_KEY_SQL = "(md5(groups::text)::uuid)"


class Service(models.Model):
    """A billable metric: how the figure of a day, or of a period, comes of its events.

    Which events they are, definitions say. A level's figure is its integral over time, in quantity
    × microseconds; all others are in the unit of the quantity.
    """

    class Aggregation(models.TextChoices):
        SUM = "sum", "Sum"
        COUNT = "count", "Count"
        MAX = "max", "Maximum"
        LATEST = "latest", "Latest"
        UNIQUE_COUNT = "unique_count", "Unique count"
        LEVEL = "level", "Level over time"
        PEAK = "peak", "Peak of a level"

    # Their sums say it all: see fold.py. Of all others see slots.py.
    ADDITIVE = (Aggregation.SUM, Aggregation.COUNT, Aggregation.LEVEL)

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=1024, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    aggregation = models.CharField(
        max_length=20,
        choices=Aggregation.choices,
        help_text="What the events of a day or a month come to. "
        "Sum: their quantities added up. Count: how many events there were. "
        "Maximum: the greatest quantity. Latest: the quantity of the newest event, 0 where there "
        "was none. Unique count: how many different values there were, such as users. "
        "Level over time: each event changes a level, and each unit of it counts for as long as "
        "it is there, such as GB·h. Peak of a level: each event changes a level, and the highest "
        "that it stood at counts.",
    )
    unit = models.CharField(max_length=20, help_text="As shown and priced, such as GB·h.")
    unit_size = models.DecimalField(
        max_digits=40,
        decimal_places=12,
        help_text="How much of the figure makes one unit: 3600 s are 1 h.",
    )
    level_unit = models.CharField(max_length=20, blank=True, help_text="Of a level, such as GB.")
    level_unit_size = models.DecimalField(
        max_digits=40, decimal_places=12, null=True, blank=True, help_text="10⁹ bytes are 1 GB."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(unit_size__gt=0),
                name="service_unit_is_positive",
                violation_error_message="The unit size must be above zero.",
            ),
            models.CheckConstraint(
                condition=~Q(aggregation="level")
                | Q(level_unit_size__isnull=False, level_unit_size__gt=0) & ~Q(level_unit=""),
                name="service_level_has_a_unit",
                violation_error_message="A level over time has a level unit, such as GB, and a "
                "level unit size above zero.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_level(self) -> bool:
        return self.aggregation == self.Aggregation.LEVEL

    @property
    def is_additive(self) -> bool:
        return self.aggregation in self.ADDITIVE


class Definition(models.Model):
    """From a moment on, which events a service counts, and where their quantity is.

    It lasts until the next one of the service starts. It never changes, for figures rest on it.
    """

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="definitions")
    starts_at = models.DateTimeField(
        help_text="Events of this moment and later are counted so, whenever they arrive."
    )
    event_types = ArrayField(
        models.CharField(max_length=500),
        blank=True,
        help_text="The CloudEvents types that count, by commas. None: from then on it counts "
        "nothing.",
    )
    quantity_path = models.CharField(
        max_length=200,
        blank=True,
        validators=[PATH],
        help_text="Where in the event's data the quantity is, such as bytes or usage.bytes. "
        "A count needs none; of a unique count it is where the value is that is told apart, "
        "a text or a number, such as user.id.",
    )
    allows_negative = models.BooleanField(
        default=False,
        help_text="Whether a quantity may be negative; a change of a level always may.",
    )

    class Meta:
        ordering = ["service", "-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "starts_at"], name="one_definition_starts_at_a_moment"
            ),
        ]
        triggers = [triggers.DEFINITION_IS_FIXED, backlog.NOTED]

    def __str__(self) -> str:
        return f"{self.service} from {self.starts_at:%Y-%m-%d %H:%M} UTC"


class Dimension(models.Model):
    """A field of the event's data to group a service's usage by, such as its region."""

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="dimensions")
    name = models.SlugField()
    path = models.CharField(max_length=200, validators=[PATH])
    at_most = models.PositiveIntegerField(
        default=100,
        help_text="How many values of an organisation are told apart: the first ones that come. "
        "All others count together.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["definition", "name"], name="dimension_is_named_once")
        ]
        triggers = [triggers.DIMENSION_IS_FIXED]

    def __str__(self) -> str:
        return self.name


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

    def __str__(self) -> str:
        return f"{self.partition} {self.service_id} {self.day}"
